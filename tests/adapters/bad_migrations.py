"""Bad migrations of our own making: for each, what we find, and which rules of squawk it was made for.

``sales`` and ``products`` stand for tables in use. A case is (name, SQL, our rules, squawk's rules); the SQL of most is
run after labels and limits that are right, see :func:`whole`.
"""

from __future__ import annotations

LABELS = """-- primepos: phase expand
-- primepos: release 0.2.0
-- primepos: irreversible reason=a test
"""
LIMITS = "SET lock_timeout = '2s';\nSET statement_timeout = '5s';\n"
CONTRACT = LABELS.replace("expand", "contract") + "-- primepos: unused-since 0.1.0\n"
OUTSIDE = LABELS + "-- primepos: no-transaction\n"

CASES: tuple[tuple[str, str, set[str], set[str]], ...] = (
    ("no limits", LABELS + "ALTER TABLE sales ADD COLUMN note text;",
     {"MIG033"}, {"require-lock-timeout", "require-statement-timeout"}),
    ("limit too long", LABELS + "SET lock_timeout = '5min';\nSET statement_timeout = '5s';\n"
     "ALTER TABLE sales ADD COLUMN note text;",
     {"MIG033"}, set()),
    ("no limit by zero", LABELS + "SET lock_timeout = 0;\nSET statement_timeout = DEFAULT;\n"
     "ALTER TABLE sales ADD COLUMN note text;",
     {"MIG033"}, set()),
    ("index", "CREATE INDEX sales_note_idx ON sales (note);", {"MIG034"}, {"require-concurrent-index-creation"}),
    ("unique index", "CREATE UNIQUE INDEX sales_note_idx ON public.sales (note);",
     {"MIG034"}, {"require-concurrent-index-creation"}),
    ("index dropped", "DROP INDEX sales_note_idx;", {"MIG034"}, {"require-concurrent-index-deletion"}),
    ("reindex", "REINDEX INDEX sales_note_idx;", {"MIG034"}, {"require-concurrent-reindex"}),
    ("reindex table", "REINDEX TABLE sales;", {"MIG034"}, {"require-concurrent-reindex"}),
    ("partition detached", "ALTER TABLE sales DETACH PARTITION sales_2025;",
     {"MIG034"}, {"require-concurrent-partition-detach"}),
    ("view refreshed", "REFRESH MATERIALIZED VIEW totals;", {"MIG034"}, set()),
    ("concurrently in a transaction", "CREATE INDEX CONCURRENTLY IF NOT EXISTS a_idx ON sales (a);\nSELECT 1;",
     {"MIG035"}, {"ban-concurrent-index-creation-in-transaction"}),
    ("dropped concurrently in a transaction", "DROP INDEX CONCURRENTLY IF EXISTS a_idx;", {"MIG035"}, set()),
    ("reindex concurrently in a transaction", "REINDEX INDEX CONCURRENTLY a_idx;", {"MIG035"}, set()),
    ("own transaction", "BEGIN;\nALTER TABLE sales ADD COLUMN IF NOT EXISTS note text;\nCOMMIT;",
     {"MIG035"}, {"transaction-nesting"}),
    ("transaction left open", OUTSIDE + LIMITS + "BEGIN;\nALTER TABLE sales ADD COLUMN IF NOT EXISTS note text;",
     {"MIG035"}, {"ban-uncommitted-transaction"}),
    ("not to be repeated", OUTSIDE + LIMITS + "CREATE INDEX CONCURRENTLY a_idx ON sales (a);", {"MIG035"}, set()),
    ("column not to be repeated", OUTSIDE + LIMITS + "ALTER TABLE sales ADD COLUMN note text;",
     {"MIG035"}, set()),
    ("drops not to be repeated", CONTRACT + "-- primepos: no-transaction\n" + LIMITS + "DROP TABLE old;",
     {"MIG035"}, {"ban-drop-table"}),
    ("required column", "ALTER TABLE sales ADD COLUMN note text NOT NULL;", {"MIG036"}, {"adding-required-field"}),
    ("required columns", "ALTER TABLE sales ADD COLUMN a text, ADD COLUMN note text NOT NULL;",
     {"MIG036"}, {"adding-required-field"}),
    ("not null", "ALTER TABLE sales ALTER COLUMN note SET NOT NULL;", {"MIG037"}, {"adding-not-nullable-field"}),
    ("not null behind another column's check",
     ("ALTER TABLE sales ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID;\n"
     "ALTER TABLE sales ALTER COLUMN note SET NOT NULL;"),
     {"MIG037"}, {"adding-not-nullable-field"}),
    ("not null behind a check nobody proved",
     ("ALTER TABLE sales ADD CONSTRAINT c CHECK (note IS NOT NULL) NOT VALID;\n"
     "ALTER TABLE sales ALTER COLUMN note SET NOT NULL;"),
     {"MIG037"}, {"adding-not-nullable-field"}),
    ("foreign key", "ALTER TABLE sales ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES staff (id);",
     {"MIG038"}, {"constraint-missing-not-valid", "adding-foreign-key-constraint"}),
    ("foreign key in a column", "ALTER TABLE sales ADD COLUMN a bigint REFERENCES staff (id);",
     {"MIG038"}, {"adding-foreign-key-constraint"}),
    ("check", "ALTER TABLE sales ADD CONSTRAINT c CHECK (total > 0);", {"MIG038"}, {"constraint-missing-not-valid"}),
    ("check in a column", "ALTER TABLE sales ADD COLUMN a bigint CHECK (a > 0);", {"MIG038"}, set()),
    ("proven at once", ("ALTER TABLE sales ADD CONSTRAINT c CHECK (total > 0) NOT VALID;\n"
     "ALTER TABLE sales VALIDATE CONSTRAINT c;"),
     {"MIG038"}, {"constraint-missing-not-valid"}),
    ("domain's constraint", "ALTER DOMAIN money_text ADD CONSTRAINT c CHECK (value > 0);",
     {"MIG038"}, {"ban-alter-domain-with-add-constraint"}),
    ("type", "ALTER TABLE sales ALTER COLUMN note TYPE text;", {"MIG039"}, {"changing-column-type"}),
    ("column renamed", "ALTER TABLE sales RENAME COLUMN note TO remark;", {"MIG039"}, {"renaming-column"}),
    ("table renamed", "ALTER TABLE sales RENAME TO receipts;", {"MIG039"}, {"renaming-table"}),
    ("table moved", "ALTER TABLE sales SET SCHEMA archive;", {"MIG039"}, {"ban-set-schema"}),
    ("function renamed", "ALTER FUNCTION f() RENAME TO g;", {"MIG039"}, {"renaming-object"}),
    ("value renamed", "ALTER TYPE kind RENAME VALUE 'a' TO 'b';", {"MIG039"}, {"renaming-object"}),
    ("written anew", "ALTER TABLE sales SET UNLOGGED;", {"MIG039"}, set()),
    ("vacuum full", OUTSIDE + LIMITS + "VACUUM FULL sales;", {"MIG039"}, set()),
    ("cluster", "CLUSTER sales USING sales_pkey;", {"MIG039"}, set()),
    ("column dropped", "ALTER TABLE sales DROP COLUMN note;", {"MIG040"}, {"ban-drop-column"}),
    ("table dropped", "DROP TABLE sales;", {"MIG040"}, {"ban-drop-table"}),
    ("tables dropped", "DROP TABLE IF EXISTS sales, products;", {"MIG040"}, {"ban-drop-table"}),
    ("may be empty", "ALTER TABLE sales ALTER COLUMN note DROP NOT NULL;", {"MIG040"}, {"ban-drop-not-null"}),
    ("emptied", "TRUNCATE sales;", {"MIG040"}, set()),
    ("function dropped", "DROP FUNCTION primepos_grams(integer, text);", {"MIG040"}, {"ban-drop-function"}),
    ("view dropped", "DROP VIEW v;", {"MIG040"}, {"ban-drop-view"}),
    ("totals dropped", "DROP MATERIALIZED VIEW v;", {"MIG040"}, {"ban-drop-view"}),
    ("type dropped", "DROP TYPE kind;", {"MIG040"}, {"ban-drop-type"}),
    ("domain dropped", "DROP DOMAIN positive;", {"MIG040"}, {"ban-drop-domain"}),
    ("sequence dropped", "DROP SEQUENCE numbers;", {"MIG040"}, {"ban-drop-sequence"}),
    ("extension dropped", "DROP EXTENSION pg_trgm;", {"MIG040"}, {"ban-drop-extension"}),
    ("constraint dropped", "ALTER TABLE sales DROP CONSTRAINT c;", {"MIG040"}, {"ban-drop-constraint"}),
    ("default dropped", "ALTER TABLE sales ALTER COLUMN a DROP DEFAULT;", {"MIG040"}, {"ban-drop-default"}),
    ("expression dropped", "ALTER TABLE sales ALTER COLUMN a DROP EXPRESSION;",
     {"MIG040"}, {"ban-drop-generated-expression"}),
    ("numbered otherwise", "ALTER TABLE sales ALTER COLUMN a SET GENERATED ALWAYS;",
     {"MIG040"}, {"ban-alter-identity"}),
    ("numbered no more", "ALTER TABLE sales ALTER COLUMN a DROP IDENTITY;", {"MIG040"}, {"ban-alter-identity"}),
    ("contract of nobody", LABELS.replace("expand", "contract") + LIMITS + "ALTER TABLE sales DROP COLUMN note;",
     {"MIG040"}, {"ban-drop-column"}),
    ("contract too early", CONTRACT.replace("0.1.0", "0.2.0") + LIMITS + "ALTER TABLE sales DROP COLUMN note;",
     {"MIG040"}, {"ban-drop-column"}),
    ("unique", "ALTER TABLE sales ADD CONSTRAINT u UNIQUE (note);",
     {"MIG041"}, {"disallowed-unique-constraint", "constraint-missing-not-valid"}),
    ("primary key", "ALTER TABLE sales ADD PRIMARY KEY (id);", {"MIG041"}, {"adding-serial-primary-key-field"}),
    ("unique column", "ALTER TABLE sales ADD COLUMN note text UNIQUE;", {"MIG041"}, {"disallowed-unique-constraint"}),
    ("primary key column", "ALTER TABLE sales ADD COLUMN no bigint PRIMARY KEY DEFAULT 1;",
     {"MIG041"}, {"adding-serial-primary-key-field"}),
    ("exclusion", "ALTER TABLE sales ADD CONSTRAINT e EXCLUDE USING gist (note WITH =);", {"MIG041"}, set()),
    ("random default", "ALTER TABLE sales ADD COLUMN a uuid DEFAULT gen_random_uuid();",
     {"MIG042"}, {"adding-field-with-default"}),
    ("clock default", "ALTER TABLE sales ADD COLUMN a timestamptz DEFAULT clock_timestamp();",
     {"MIG042"}, {"adding-field-with-default"}),
    ("own function default", "ALTER TABLE sales ADD COLUMN a text DEFAULT upper(my_name());",
     {"MIG042"}, {"adding-field-with-default"}),
    ("generated", "ALTER TABLE sales ADD COLUMN a bigint GENERATED ALWAYS AS (total * 2) STORED;",
     {"MIG042"}, {"adding-field-with-default"}),
    ("identity", "ALTER TABLE sales ADD COLUMN a bigint GENERATED BY DEFAULT AS IDENTITY;", {"MIG042"}, set()),
    ("serial", "ALTER TABLE sales ADD COLUMN a bigserial;", {"MIG042", "MIG043"}, {"prefer-identity"}),
    ("small types", "CREATE TABLE t (a integer, b smallint, c varchar(20), d char(3), e timestamp, f json);",
     {"MIG043"},
     {"prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-text-field", "ban-char-field",
      "prefer-timestamp-tz"}),
    ("serial key", "CREATE TABLE t (a serial PRIMARY KEY);", {"MIG043"}, {"prefer-identity", "prefer-bigint-over-int"}),
    ("narrow column", "ALTER TABLE sales ADD COLUMN note varchar(10);", {"MIG043"}, {"prefer-text-field"}),
    ("domain with a check", "CREATE DOMAIN positive AS bigint CHECK (value > 0);",
     {"MIG043"}, {"ban-create-domain-with-constraint"}),
    ("value at the end", "ALTER TYPE kind ADD VALUE 'refund';", {"MIG043"}, {"require-enum-value-ordering"}),
    ("long name", f"CREATE TABLE {'t' * 64} (a bigint);", {"MIG043"}, {"identifier-too-long"}),
    ("all rows at once", "UPDATE sales SET note = '';", {"MIG044"}, set()),
    ("all rows at once, twice", "UPDATE sales SET note = '', note = 'x';",
     {"MIG044"}, {"ban-duplicate-column-assignments"}),
    ("rows deleted", "DELETE FROM sales WHERE note IS NULL;", {"MIG044"}, set()),
    ("rows copied", "INSERT INTO sales SELECT * FROM old_sales;", {"MIG044"}, set()),
    ("rows changed by the way", "WITH x AS (UPDATE sales SET a = 1 RETURNING 1) SELECT * FROM x;", {"MIG044"}, set()),
    ("rows changed in a block", "DO $$ BEGIN\n UPDATE sales SET note = '';\nEND $$;", {"MIG044"}, set()),
    ("dropped in a block", "DO $$ BEGIN DROP TABLE sales; END $$;", {"MIG040"}, set()),
    ("no way down", LABELS.replace("-- primepos: irreversible reason=a test\n"
     "", "") + LIMITS + "SELECT 1;", {"MIG045"}, set()),
    ("no phase", LABELS.replace("-- primepos: phase expand\n", "") + LIMITS + "SELECT 1;", {"MIG046"}, set()),
    ("unknown phase", LABELS.replace("expand", "pre") + LIMITS + "SELECT 1;", {"MIG046"}, set()),
    ("no such release", LABELS.replace("release 0.2.0", "release next") + LIMITS + "SELECT 1;", {"MIG046"}, set()),
    ("table in a migrate", LABELS.replace("expand", "migrate") + LIMITS + "CREATE TABLE t (a bigint);",
     {"MIG046"}, set()),
    ("truncate cascade", "TRUNCATE sales CASCADE;", {"MIG040", "MIG049"}, {"ban-truncate-cascade"}),
    ("database dropped", OUTSIDE + LIMITS + "DROP DATABASE primepos;", {"MIG049"}, {"ban-drop-database"}),
    ("all owned dropped", "DROP OWNED BY primepos_app;", {"MIG049"}, set()),
    ("schema dropped", "DROP SCHEMA archive CASCADE;", {"MIG040", "MIG049"}, {"ban-drop-schema"}),
)  # fmt: skip

# As bad for squawk as for us: nothing of this may be found.
GOOD: tuple[tuple[str, str], ...] = (
    ("nullable column", "ALTER TABLE sales ADD COLUMN note text;"),
    ("column with a constant", "ALTER TABLE sales ADD COLUMN note text DEFAULT 'x' NOT NULL;"),
    ("column with the hour", "ALTER TABLE sales ADD COLUMN seen_at timestamptz DEFAULT now();"),
    ("column with an empty list", "ALTER TABLE sales ADD COLUMN tags text[] DEFAULT '{}'::text[] NOT NULL;"),
    ("default for new rows", "ALTER TABLE sales ALTER COLUMN note SET DEFAULT gen_random_uuid()::text;"),
    ("unproven constraint", "ALTER TABLE sales ADD CONSTRAINT c CHECK (total > 0) NOT VALID;"),
    ("proven later", "ALTER TABLE sales VALIDATE CONSTRAINT c;"),
    ("unique by its index", "ALTER TABLE sales ADD CONSTRAINT u UNIQUE USING INDEX u_idx;"),
    ("index built outside", OUTSIDE + LIMITS + "CREATE INDEX CONCURRENTLY IF NOT EXISTS a_idx ON sales (a);"),
    ("index dropped outside", OUTSIDE + LIMITS + "DROP INDEX CONCURRENTLY IF EXISTS a_idx;"),
    ("not null that was proven",
     "ALTER TABLE sales VALIDATE CONSTRAINT note_full;\nALTER TABLE sales ALTER COLUMN note SET NOT NULL;"),
    ("a new table in full",
     ("CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, at timestamptz, what jsonb);\n"
     "CREATE INDEX t_at_idx ON t (at);\nALTER TABLE t ADD CONSTRAINT c CHECK (id > 0);\n"
     "ALTER TABLE t ADD CONSTRAINT u UNIQUE (at);\nALTER TABLE t ADD COLUMN more text NOT NULL;")),
)  # fmt: skip


def whole(sql: str) -> str:
    """Return a case as a file: with labels and limits where it brings none of its own."""
    return sql if sql.startswith("-- primepos:") else LABELS + LIMITS + sql
