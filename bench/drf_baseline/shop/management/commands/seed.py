import json
import random
from decimal import Decimal

from django.core.management.base import BaseCommand
from rest_framework_simplejwt.tokens import AccessToken

from shop.models import Outlet, Product, Stock, Tenant, User

WORDS = (
    "apple banana bread butter candle cheese chocolate coffee cookie cotton cream flour garlic ginger glass honey "
    "jacket juice lamp lemon milk mirror mug noodle olive onion orange paper pasta pepper plate potato rice salt "
    "sauce soap sock sugar tea tomato towel vinegar water wine yogurt zinc blue green red white small large"
).split()


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("--products", type=int, default=100_000)

    def handle(self, *, products, **_):
        rnd = random.Random(7)
        tenant = Tenant.objects.create(name="bench")
        outlets = Outlet.objects.bulk_create([Outlet(tenant=tenant, name=f"o{i}") for i in range(8)])
        rows = Product.objects.bulk_create(
            (
                Product(
                    tenant=tenant,
                    sku=f"SKU{i:06d}",
                    barcode=str(4000000000000 + i),
                    name=" ".join(rnd.sample(WORDS, 3)) + f" {i}",
                    price=Decimal(100 + i % 900) / 100,
                    tax_rate=5,
                )
                for i in range(products)
            ),
            batch_size=5000,
        )
        sold = rows[:2500]
        Stock.objects.bulk_create(
            [Stock(tenant=tenant, outlet=o, product=p, quantity=1_000_000) for o in outlets for p in sold],
            batch_size=5000,
        )
        user = User.objects.create_user("bench", password="bench", tenant=tenant)
        print(
            json.dumps(
                {
                    "token": str(AccessToken.for_user(user)),
                    "outlets": [o.id for o in outlets],
                    "first_product": sold[0].id,
                }
            )
        )
