from decimal import Decimal

from django.db import transaction
from rest_framework import filters, serializers, viewsets

from .models import Outlet, Payment, Product, Sale, SaleLine, Stock, StockMovement

CENT = Decimal("0.01")


class ProductSerializer(serializers.ModelSerializer):
    class Meta:
        model = Product
        fields = ["id", "sku", "barcode", "name", "price", "tax_rate"]


class SaleLineSerializer(serializers.ModelSerializer):
    class Meta:
        model = SaleLine
        fields = ["id", "product", "quantity", "unit_price", "tax", "total"]
        read_only_fields = ["unit_price", "tax", "total"]
        # a PrimaryKeyRelatedField would run one query per line; ids are checked in one query below
        extra_kwargs = {}

    product = serializers.IntegerField(source="product_id")


class PaymentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Payment
        fields = ["id", "method", "amount"]


class SaleSerializer(serializers.ModelSerializer):
    lines = SaleLineSerializer(many=True)
    payments = PaymentSerializer(many=True)
    outlet = serializers.IntegerField(source="outlet_id")

    class Meta:
        model = Sale
        fields = ["id", "outlet", "receipt_no", "created_at", "total", "tax", "lines", "payments"]
        read_only_fields = ["receipt_no", "created_at", "total", "tax"]

    @transaction.atomic
    def create(self, data):
        tenant_id = self.context["request"].user.tenant_id
        lines, payments = data.pop("lines"), data.pop("payments")
        ids = {line["product_id"] for line in lines}
        products = {p.id: p for p in Product.objects.filter(tenant_id=tenant_id, id__in=ids)}
        if len(products) != len(ids):
            raise serializers.ValidationError({"lines": "unknown product"})
        stock = {
            s.product_id: s
            for s in Stock.objects.select_for_update()
            .filter(tenant_id=tenant_id, outlet_id=data["outlet_id"], product_id__in=ids)
            .order_by("product_id")
        }
        rows, total, tax = [], Decimal(0), Decimal(0)
        for line in lines:
            product = products[line["product_id"]]
            amount = (product.price * line["quantity"]).quantize(CENT)
            line_tax = (amount * product.tax_rate / 100).quantize(CENT)
            rows.append(
                SaleLine(
                    product=product, quantity=line["quantity"], unit_price=product.price, tax=line_tax, total=amount
                )
            )
            stock[product.id].quantity -= line["quantity"]
            total, tax = total + amount, tax + line_tax
        Stock.objects.bulk_update(stock.values(), ["quantity"])
        outlet = Outlet.objects.select_for_update().get(tenant_id=tenant_id, id=data["outlet_id"])
        number = outlet.next_receipt
        outlet.next_receipt = number + 1
        outlet.save(update_fields=["next_receipt"])
        sale = Sale.objects.create(tenant_id=tenant_id, outlet=outlet, receipt_no=number, total=total, tax=tax)
        for row in rows:
            row.sale = sale
        SaleLine.objects.bulk_create(rows)
        paid = Payment.objects.bulk_create([Payment(sale=sale, **p) for p in payments])
        StockMovement.objects.bulk_create(
            StockMovement(
                tenant_id=tenant_id, outlet=outlet, product=r.product, quantity=-r.quantity, reason="sale", sale=sale
            )
            for r in rows
        )
        sale._prefetched_objects_cache = {"lines": rows, "payments": paid}
        return sale


class TenantScoped:
    def get_queryset(self):
        return super().get_queryset().filter(tenant_id=self.request.user.tenant_id)


class SaleViewSet(TenantScoped, viewsets.ModelViewSet):
    queryset = Sale.objects.prefetch_related("lines", "payments").order_by("-id")
    serializer_class = SaleSerializer


class ProductViewSet(TenantScoped, viewsets.ModelViewSet):
    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    filter_backends = [filters.SearchFilter, filters.OrderingFilter]
    search_fields = ["name", "sku", "barcode"]
