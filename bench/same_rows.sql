-- The rows of one PrimePOS sale, written by plain statements: what a careful hand-written programme would do.
-- Same schema, same policies, same role, same trigger; run with -M prepared.
\set t random(1, 4)
\set o random(1, 2)
\set p1 random(1, 500)
\set p2 random(501, 1000)
\set p3 random(1001, 1500)
\set p4 random(1501, 2000)
\set p5 random(2001, 2500)
BEGIN;
SELECT set_config('role', 'primepos_app', true), set_config('app.tenant', :t::text, true), set_config('statement_timeout', '15000', true), set_config('lock_timeout', '10000', true), set_config('plan_cache_mode', 'force_generic_plan', true), gen_random_uuid() AS sid, ('00000000-0000-7001-8000-' || lpad(to_hex(:o::int), 12, '0')) AS outlet, ('00000000-0000-7002-8000-' || lpad(to_hex(:o::int), 12, '0')) AS register, ('00000000-0000-7003-8000-' || lpad(to_hex(:o::int), 12, '0')) AS shift \gset
SELECT p.id, p.sku, p.name, p.unit_price, p.tax_class_id FROM products p WHERE p.tenant_id = :t::int AND p.id IN (('00000000-0000-7000-8000-' || lpad(to_hex(:p1::int), 12, '0'))::uuid, ('00000000-0000-7000-8000-' || lpad(to_hex(:p2::int), 12, '0'))::uuid, ('00000000-0000-7000-8000-' || lpad(to_hex(:p3::int), 12, '0'))::uuid, ('00000000-0000-7000-8000-' || lpad(to_hex(:p4::int), 12, '0'))::uuid, ('00000000-0000-7000-8000-' || lpad(to_hex(:p5::int), 12, '0'))::uuid);
INSERT INTO stock_levels AS held (tenant_id, outlet_id, product_id, quantity) SELECT :t::int, :outlet::uuid, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, -1 FROM unnest(ARRAY[:p1, :p2, :p3, :p4, :p5]::int[]) AS n ORDER BY n ON CONFLICT (tenant_id, outlet_id, product_id) DO UPDATE SET quantity = held.quantity + excluded.quantity;
UPDATE registers SET next_number = next_number + 1, last_hash = sha256(convert_to(encode(last_hash, 'hex') || '|S/1|' || next_number || '|' || encode(last_hash, 'hex'), 'UTF8')) WHERE tenant_id = :t::int AND id = :register::uuid RETURNING next_number - 1 AS number, encode(last_hash, 'hex') AS hash \gset
INSERT INTO sales (tenant_id, id, kind, outlet_id, register_id, shift_id, epoch, number, receipt, business_date, sold_at, cashier, currency, base, tax, rounding, total, request_hash, body_hash, prev_hash, hash) VALUES (:t::int, :sid::uuid, 'sale', :outlet::uuid, :register::uuid, :shift::uuid, 1, :number::bigint, 'S-' || lpad(:number::text, 6, '0'), current_date, now(), 'bench', 'EUR', 2380, 120, 0, 2500, decode(:hash::text, 'hex'), decode(:hash::text, 'hex'), decode(:hash::text, 'hex'), decode(:hash::text, 'hex'));
INSERT INTO sale_lines (tenant_id, sale_id, line_no, product_id, sku, name, quantity, unit_price, discount, base, tax, total, taxes) SELECT :t::int, :sid::uuid, ord, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'SKU000001', 'Product', 1, 5, 0, 476, 24, 500, '[["std", "5.000000", 24]]'::jsonb FROM unnest(ARRAY[:p1, :p2, :p3, :p4, :p5]::int[]) WITH ORDINALITY AS u(n, ord);
INSERT INTO sale_taxes (tenant_id, sale_id, tax_no, code, name, rate, base, amount) VALUES (:t::int, :sid::uuid, 1, 'std', 'VAT 5%', 5, 2380, 120);
INSERT INTO payments (tenant_id, sale_id, seq, kind, amount) VALUES (:t::int, :sid::uuid, 1, 'cash', 10000), (:t::int, :sid::uuid, 2, 'change', -7500);
INSERT INTO stock_movements (tenant_id, outlet_id, product_id, kind, quantity, sale_id, line_no, actor_name) SELECT :t::int, :outlet::uuid, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'sale', -1, :sid::uuid, ord, 'bench' FROM unnest(ARRAY[:p1, :p2, :p3, :p4, :p5]::int[]) WITH ORDINALITY AS u(n, ord);
INSERT INTO ledger_entries (tenant_id, sale_id, entry_no, account, amount, business_date) VALUES (:t::int, :sid::uuid, 1, 'cash', 2500, current_date), (:t::int, :sid::uuid, 2, 'revenue', -2380, current_date), (:t::int, :sid::uuid, 3, 'tax' || chr(58) || 'std', -120, current_date);
INSERT INTO audit_events (tenant_id, operation, outcome, actor_kind, actor_name, role, subject, data, request_id) VALUES (:t::int, 'sales.book', 'done', 'user', 'bench', 'cashier', 'sale:' || :sid::text, '{"receipt": "S-000001", "total": 2500}', 'bench');
COMMIT;
