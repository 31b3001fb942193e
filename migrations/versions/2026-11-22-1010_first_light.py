"""Create the tables of the first light, their policies and grants, and the product search.

Revision ID: 0002
Revises: 0001
Phase: expand
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Words are cut into pieces of three letters, each marked with its tenant, so that one index without any extension
# serves every tenant and a search never walks another's pieces. '^' marks the start of a word.
FUNCTIONS = (
    """
    CREATE FUNCTION primepos_grams(tenant integer, words text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog AS $$
        SELECT coalesce(array_agg(DISTINCT tenant::text || ':' || piece), '{}')
          FROM regexp_split_to_table(lower(words), '[^[:alnum:]]+') AS word,
               LATERAL (SELECT substr(word, n, 3) AS piece FROM generate_series(1, length(word) - 2) AS n
                        UNION ALL SELECT '^' || substr(word, 1, n) FROM generate_series(1, 2) AS n) AS pieces
         WHERE word <> ''
    $$
    """,
    "CREATE SEQUENCE product_version_seq",
)

# Where several indexes begin with the tenant and the planner has no figures yet, as on the first day, it takes the newest
# of those that cost the same: so the primary key, which every foreign key looks up, is made last.
TABLES = (
    """
    CREATE TABLE installation (
        name text NOT NULL,
        value text NOT NULL,
        CONSTRAINT installation_pkey PRIMARY KEY (name)
    )
    """,
    """
    CREATE TABLE system_audit_events (
        id bigint GENERATED ALWAYS AS IDENTITY,
        at timestamptz DEFAULT now() NOT NULL,
        operation text NOT NULL,
        outcome text NOT NULL,
        error_code text,
        actor_kind text NOT NULL,
        actor_id uuid,
        actor_name text NOT NULL,
        role text,
        approver_id uuid,
        approver_name text,
        register_id uuid,
        subject text,
        data jsonb DEFAULT '{}' NOT NULL,
        request_id text NOT NULL,
        CONSTRAINT system_audit_events_pkey PRIMARY KEY (id),
        CONSTRAINT system_audit_events_outcome_check CHECK (outcome IN ('done', 'refused'))
    )
    """,
    "CREATE INDEX system_audit_events_at_idx ON system_audit_events (at)",
    """
    CREATE TABLE tenants (
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        id integer GENERATED ALWAYS AS IDENTITY,
        key uuid NOT NULL,
        slug text NOT NULL,
        name text NOT NULL,
        status text DEFAULT 'active' NOT NULL,
        currency text NOT NULL,
        country text DEFAULT '' NOT NULL,
        zone text NOT NULL,
        day_starts_hour integer DEFAULT 0 NOT NULL,
        settings jsonb DEFAULT '{}' NOT NULL,
        CONSTRAINT tenants_pkey PRIMARY KEY (id),
        CONSTRAINT tenants_status_check CHECK (status IN ('active', 'suspended')),
        CONSTRAINT tenants_day_starts_hour_check CHECK (day_starts_hour BETWEEN 0 AND 12),
        CONSTRAINT tenants_key_key UNIQUE (key),
        CONSTRAINT tenants_slug_key UNIQUE (slug)
    )
    """,
    """
    CREATE TABLE throttle_counters (
        key text NOT NULL,
        hits integer NOT NULL,
        moments timestamptz[] DEFAULT '{}' NOT NULL,
        expires_at timestamptz NOT NULL,
        CONSTRAINT throttle_counters_pkey PRIMARY KEY (key)
    )
    """,
    "CREATE INDEX throttle_counters_expires_at_idx ON throttle_counters (expires_at)",
    """
    CREATE TABLE users (
        id uuid NOT NULL,
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        email text NOT NULL,
        name text NOT NULL,
        password_hash text NOT NULL,
        password_expires_at timestamptz,
        is_superuser boolean DEFAULT false NOT NULL,
        disabled_at timestamptz,
        tokens_valid_from timestamptz DEFAULT now() NOT NULL,
        CONSTRAINT users_pkey PRIMARY KEY (id),
        CONSTRAINT users_email_key UNIQUE (email)
    )
    """,
    """
    CREATE TABLE audit_events (
        tenant_id integer NOT NULL,
        id bigint GENERATED ALWAYS AS IDENTITY,
        at timestamptz DEFAULT now() NOT NULL,
        operation text NOT NULL,
        outcome text NOT NULL,
        error_code text,
        actor_kind text NOT NULL,
        actor_id uuid,
        actor_name text NOT NULL,
        role text,
        approver_id uuid,
        approver_name text,
        register_id uuid,
        subject text,
        data jsonb DEFAULT '{}' NOT NULL,
        request_id text NOT NULL,
        CONSTRAINT audit_events_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT audit_events_outcome_check CHECK (outcome IN ('done', 'refused')),
        CONSTRAINT audit_events_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
    )
    """,
    "CREATE INDEX audit_events_tenant_id_at_idx ON audit_events (tenant_id, at)",
    """
    CREATE TABLE categories (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        archived_at timestamptz,
        name text NOT NULL,
        CONSTRAINT categories_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT categories_tenant_id_name_key UNIQUE (tenant_id, name),
        CONSTRAINT categories_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
    )
    """,
    """
    CREATE TABLE import_runs (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        kind text NOT NULL,
        source text NOT NULL,
        file_name text NOT NULL,
        fingerprint text NOT NULL,
        rows_done bigint DEFAULT 0 NOT NULL,
        started_at timestamptz DEFAULT now() NOT NULL,
        finished_at timestamptz,
        started_by_id uuid,
        CONSTRAINT import_runs_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT import_runs_tenant_id_kind_fingerprint_key UNIQUE (tenant_id, kind, fingerprint),
        CONSTRAINT import_runs_kind_check CHECK (kind IN ('products', 'sales')),
        CONSTRAINT import_runs_rows_done_check CHECK (rows_done >= 0),
        CONSTRAINT import_runs_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
    )
    """,
    """
    CREATE TABLE login_sessions (
        id uuid NOT NULL,
        user_id uuid,
        tenant_id integer,
        register_id uuid,
        created_at timestamptz DEFAULT now() NOT NULL,
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz,
        revoked_why text,
        CONSTRAINT login_sessions_pkey PRIMARY KEY (id),
        CONSTRAINT login_sessions_holder_check CHECK ((user_id IS NULL) <> (register_id IS NULL)),
        CONSTRAINT login_sessions_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id),
        CONSTRAINT login_sessions_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
    )
    """,
    "CREATE INDEX login_sessions_tenant_id_idx ON login_sessions (tenant_id, register_id)",
    "CREATE INDEX login_sessions_user_id_idx ON login_sessions (user_id)",
    """
    CREATE TABLE memberships (
        tenant_id integer NOT NULL,
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        user_id uuid NOT NULL,
        role text NOT NULL,
        outlet_ids uuid[],
        disabled_at timestamptz,
        CONSTRAINT memberships_pkey PRIMARY KEY (tenant_id, user_id),
        CONSTRAINT memberships_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id),
        CONSTRAINT memberships_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id)
    )
    """,
    "CREATE INDEX memberships_user_id_idx ON memberships (user_id)",
    """
    CREATE TABLE outlets (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        archived_at timestamptz,
        code text NOT NULL,
        name text NOT NULL,
        address text DEFAULT '' NOT NULL,
        settings jsonb DEFAULT '{}' NOT NULL,
        CONSTRAINT outlets_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT outlets_tenant_id_code_key UNIQUE (tenant_id, code),
        CONSTRAINT outlets_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
    )
    """,
    """
    CREATE TABLE staff (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        archived_at timestamptz,
        code text NOT NULL,
        name text NOT NULL,
        role text NOT NULL,
        outlet_ids uuid[],
        pin_hash text,
        pin_failures integer DEFAULT 0 NOT NULL,
        pin_locked_at timestamptz,
        user_id uuid,
        CONSTRAINT staff_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT staff_tenant_id_code_key UNIQUE (tenant_id, code),
        CONSTRAINT staff_pin_failures_check CHECK (pin_failures >= 0),
        CONSTRAINT staff_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id),
        CONSTRAINT staff_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id)
    )
    """,
    """
    CREATE TABLE tax_classes (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        archived_at timestamptz,
        code text NOT NULL,
        name text NOT NULL,
        CONSTRAINT tax_classes_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT tax_classes_tenant_id_code_key UNIQUE (tenant_id, code),
        CONSTRAINT tax_classes_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
    )
    """,
    """
    CREATE TABLE taxes (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        code text NOT NULL,
        name text NOT NULL,
        kind text NOT NULL,
        amount numeric(15, 6) NOT NULL,
        included boolean NOT NULL,
        affects_base boolean DEFAULT false NOT NULL,
        base_affected boolean DEFAULT true NOT NULL,
        CONSTRAINT taxes_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT taxes_tenant_id_code_key UNIQUE (tenant_id, code),
        CONSTRAINT taxes_kind_check CHECK (kind IN ('percent', 'fixed', 'division')),
        CONSTRAINT taxes_division_check CHECK (kind <> 'division' OR amount < 100 OR included),
        CONSTRAINT taxes_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
    )
    """,
    """
    CREATE TABLE day_summaries (
        tenant_id integer NOT NULL,
        outlet_id uuid NOT NULL,
        business_date date NOT NULL,
        sales integer NOT NULL,
        voids integer NOT NULL,
        lines integer NOT NULL,
        base bigint NOT NULL,
        tax bigint NOT NULL,
        rounding bigint NOT NULL,
        total bigint NOT NULL,
        cash bigint NOT NULL,
        card bigint NOT NULL,
        CONSTRAINT day_summaries_pkey PRIMARY KEY (tenant_id, outlet_id, business_date),
        CONSTRAINT day_summaries_tenant_id_outlet_id_fkey FOREIGN KEY(tenant_id, outlet_id) REFERENCES outlets (tenant_id, id)
    )
    """,
    "CREATE INDEX day_summaries_business_date_idx ON day_summaries (tenant_id, business_date)",
    """
    CREATE TABLE product_day_summaries (
        tenant_id integer NOT NULL,
        outlet_id uuid NOT NULL,
        business_date date NOT NULL,
        sku text NOT NULL,
        name text NOT NULL,
        quantity numeric(14, 3) NOT NULL,
        base bigint NOT NULL,
        tax bigint NOT NULL,
        total bigint NOT NULL,
        CONSTRAINT product_day_summaries_pkey PRIMARY KEY (tenant_id, outlet_id, business_date, sku),
        CONSTRAINT product_day_summaries_tenant_id_outlet_id_fkey FOREIGN KEY(tenant_id, outlet_id) REFERENCES outlets (tenant_id, id)
    )
    """,
    "CREATE INDEX product_day_summaries_business_date_idx ON product_day_summaries (tenant_id, business_date)",
    """
    CREATE TABLE products (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        archived_at timestamptz,
        sku text NOT NULL,
        name text NOT NULL,
        category_id uuid,
        tax_class_id uuid NOT NULL,
        unit_price numeric(14, 4) NOT NULL,
        sold_by text DEFAULT 'each' NOT NULL,
        track_stock boolean DEFAULT true NOT NULL,
        version bigint NOT NULL,
        grams text[] GENERATED ALWAYS AS (primepos_grams(tenant_id, (sku || ' '::text) || name)) STORED,
        CONSTRAINT products_tenant_id_category_id_fkey FOREIGN KEY(tenant_id, category_id) REFERENCES categories (tenant_id, id),
        CONSTRAINT products_tenant_id_tax_class_id_fkey FOREIGN KEY(tenant_id, tax_class_id) REFERENCES tax_classes (tenant_id, id),
        CONSTRAINT products_tenant_id_sku_key UNIQUE (tenant_id, sku),
        CONSTRAINT products_unit_price_check CHECK (unit_price >= 0),
        CONSTRAINT products_sold_by_check CHECK (sold_by IN ('each', 'weight')),
        CONSTRAINT products_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
    )
    """,
    "CREATE INDEX products_category_id_idx ON products (tenant_id, category_id)",
    # New pieces go straight into the index: a search would read the whole list of pending ones, every time.
    "CREATE INDEX products_grams_idx ON products USING gin (grams) WITH (fastupdate = off)",
    "CREATE INDEX products_tax_class_id_idx ON products (tenant_id, tax_class_id)",
    "CREATE INDEX products_name_idx ON products (tenant_id, name, id)",
    "CREATE INDEX products_tenant_id_version_idx ON products (tenant_id, version)",
    "ALTER TABLE products ADD CONSTRAINT products_pkey PRIMARY KEY (tenant_id, id)",
    """
    CREATE TABLE refresh_tokens (
        token_hash text NOT NULL,
        session_id uuid NOT NULL,
        issued_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        replaced_at timestamptz,
        CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash),
        CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY(session_id) REFERENCES login_sessions (id)
    )
    """,
    "CREATE INDEX refresh_tokens_session_id_idx ON refresh_tokens (session_id)",
    """
    CREATE TABLE registers (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        archived_at timestamptz,
        outlet_id uuid NOT NULL,
        code text NOT NULL,
        name text NOT NULL,
        kind text NOT NULL,
        prefix text NOT NULL,
        epoch integer DEFAULT 1 NOT NULL,
        next_number bigint DEFAULT 1 NOT NULL,
        last_hash bytea NOT NULL,
        open_shift_id uuid,
        CONSTRAINT registers_tenant_id_outlet_id_fkey FOREIGN KEY(tenant_id, outlet_id) REFERENCES outlets (tenant_id, id),
        CONSTRAINT registers_tenant_id_prefix_key UNIQUE (tenant_id, prefix),
        CONSTRAINT registers_tenant_id_outlet_id_code_key UNIQUE (tenant_id, outlet_id, code),
        CONSTRAINT registers_kind_check CHECK (kind IN ('till', 'server')),
        CONSTRAINT registers_series_check CHECK (next_number >= 1 AND epoch >= 1)
    )
     WITH (fillfactor = 50)
    """,
    "CREATE UNIQUE INDEX registers_one_server_idx ON registers (tenant_id, outlet_id) WHERE kind = 'server'",
    "ALTER TABLE registers ADD CONSTRAINT registers_pkey PRIMARY KEY (tenant_id, id)",
    """
    CREATE TABLE tax_class_taxes (
        tenant_id integer NOT NULL,
        tax_class_id uuid NOT NULL,
        tax_id uuid NOT NULL,
        sequence integer NOT NULL,
        CONSTRAINT tax_class_taxes_pkey PRIMARY KEY (tenant_id, tax_class_id, tax_id),
        CONSTRAINT tax_class_taxes_tenant_id_tax_class_id_fkey FOREIGN KEY(tenant_id, tax_class_id) REFERENCES tax_classes (tenant_id, id),
        CONSTRAINT tax_class_taxes_tenant_id_tax_id_fkey FOREIGN KEY(tenant_id, tax_id) REFERENCES taxes (tenant_id, id)
    )
    """,
    "CREATE INDEX tax_class_taxes_tax_id_idx ON tax_class_taxes (tenant_id, tax_id)",
    """
    CREATE TABLE price_changes (
        tenant_id integer NOT NULL,
        id bigint GENERATED ALWAYS AS IDENTITY,
        product_id uuid NOT NULL,
        at timestamptz DEFAULT now() NOT NULL,
        old_price numeric(14, 4),
        new_price numeric(14, 4) NOT NULL,
        actor_id uuid,
        actor_name text NOT NULL,
        CONSTRAINT price_changes_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT price_changes_tenant_id_product_id_fkey FOREIGN KEY(tenant_id, product_id) REFERENCES products (tenant_id, id)
    )
    """,
    "CREATE INDEX price_changes_product_id_idx ON price_changes (tenant_id, product_id, at)",
    """
    CREATE TABLE product_barcodes (
        tenant_id integer NOT NULL,
        code text NOT NULL,
        product_id uuid NOT NULL,
        quantity numeric(14, 3) DEFAULT 1 NOT NULL,
        CONSTRAINT product_barcodes_pkey PRIMARY KEY (tenant_id, code),
        CONSTRAINT product_barcodes_tenant_id_product_id_fkey FOREIGN KEY(tenant_id, product_id) REFERENCES products (tenant_id, id),
        CONSTRAINT product_barcodes_quantity_check CHECK (quantity > 0)
    )
    """,
    "CREATE INDEX product_barcodes_product_id_idx ON product_barcodes (tenant_id, product_id)",
    """
    CREATE TABLE shifts (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        register_id uuid NOT NULL,
        business_date date NOT NULL,
        opened_at timestamptz NOT NULL,
        opened_by_id uuid,
        opened_by text NOT NULL,
        opening_float bigint NOT NULL,
        closed_at timestamptz,
        closed_by_id uuid,
        closed_by text,
        expected bigint,
        counted bigint,
        difference bigint,
        z_number integer,
        CONSTRAINT shifts_tenant_id_register_id_fkey FOREIGN KEY(tenant_id, register_id) REFERENCES registers (tenant_id, id),
        CONSTRAINT shifts_tenant_id_register_id_z_number_key UNIQUE (tenant_id, register_id, z_number),
        CONSTRAINT shifts_opening_float_check CHECK (opening_float >= 0),
        CONSTRAINT shifts_counted_check CHECK (counted IS NULL OR counted >= 0),
        CONSTRAINT shifts_closed_check CHECK (closed_at IS NULL OR (z_number IS NOT NULL AND expected IS NOT NULL AND difference IS NOT NULL))
    )
    """,
    "CREATE UNIQUE INDEX shifts_one_open_idx ON shifts (tenant_id, register_id) WHERE closed_at IS NULL",
    "CREATE INDEX shifts_register_id_idx ON shifts (tenant_id, register_id, opened_at)",
    "ALTER TABLE shifts ADD CONSTRAINT shifts_pkey PRIMARY KEY (tenant_id, id)",
    """
    CREATE TABLE stock_documents (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        outlet_id uuid NOT NULL,
        kind text NOT NULL,
        at timestamptz DEFAULT now() NOT NULL,
        request_hash bytea NOT NULL,
        answer jsonb NOT NULL,
        CONSTRAINT stock_documents_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT stock_documents_tenant_id_outlet_id_fkey FOREIGN KEY(tenant_id, outlet_id) REFERENCES outlets (tenant_id, id),
        CONSTRAINT stock_documents_kind_check CHECK (kind IN ('adjust', 'receive', 'opening'))
    )
    """,
    "CREATE INDEX stock_documents_outlet_id_idx ON stock_documents (tenant_id, outlet_id)",
    """
    CREATE TABLE stock_levels (
        tenant_id integer NOT NULL,
        outlet_id uuid NOT NULL,
        product_id uuid NOT NULL,
        quantity numeric(14, 3) NOT NULL,
        CONSTRAINT stock_levels_pkey PRIMARY KEY (tenant_id, outlet_id, product_id),
        CONSTRAINT stock_levels_tenant_id_outlet_id_fkey FOREIGN KEY(tenant_id, outlet_id) REFERENCES outlets (tenant_id, id),
        CONSTRAINT stock_levels_tenant_id_product_id_fkey FOREIGN KEY(tenant_id, product_id) REFERENCES products (tenant_id, id)
    )
     WITH (fillfactor = 70)
    """,
    "CREATE INDEX stock_levels_product_id_idx ON stock_levels (tenant_id, product_id)",
    """
    CREATE TABLE stock_movements (
        tenant_id integer NOT NULL,
        id bigint GENERATED ALWAYS AS IDENTITY,
        outlet_id uuid NOT NULL,
        product_id uuid NOT NULL,
        at timestamptz DEFAULT now() NOT NULL,
        kind text NOT NULL,
        quantity numeric(14, 3) NOT NULL,
        sale_id uuid,
        line_no integer,
        reason text,
        actor_id uuid,
        actor_name text NOT NULL,
        CONSTRAINT stock_movements_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT stock_movements_tenant_id_outlet_id_fkey FOREIGN KEY(tenant_id, outlet_id) REFERENCES outlets (tenant_id, id),
        CONSTRAINT stock_movements_tenant_id_product_id_fkey FOREIGN KEY(tenant_id, product_id) REFERENCES products (tenant_id, id),
        CONSTRAINT stock_movements_kind_check CHECK (CASE kind WHEN 'sale' THEN true WHEN 'void' THEN true WHEN 'receive' THEN quantity > 0 WHEN 'adjust' THEN quantity <> 0 WHEN 'opening' THEN true ELSE false END)
    )
    """,
    "CREATE UNIQUE INDEX stock_movements_cause_idx ON stock_movements (tenant_id, sale_id, line_no) WHERE sale_id IS NOT NULL",
    "CREATE INDEX stock_movements_outlet_id_idx ON stock_movements (tenant_id, outlet_id)",
    "CREATE INDEX stock_movements_product_id_idx ON stock_movements (tenant_id, product_id, outlet_id, at)",
    """
    CREATE TABLE sales (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        kind text NOT NULL,
        outlet_id uuid NOT NULL,
        register_id uuid,
        shift_id uuid,
        epoch integer,
        number bigint,
        receipt text NOT NULL,
        business_date date NOT NULL,
        sold_at timestamptz NOT NULL,
        received_at timestamptz DEFAULT now() NOT NULL,
        cashier_id uuid,
        cashier text NOT NULL,
        currency text NOT NULL,
        base bigint NOT NULL,
        tax bigint NOT NULL,
        rounding bigint NOT NULL,
        total bigint NOT NULL,
        request_hash bytea,
        body_hash bytea,
        prev_hash bytea,
        hash bytea,
        flags text[] DEFAULT '{}' NOT NULL,
        void_of uuid,
        reason text,
        source text DEFAULT '' NOT NULL,
        external_number text,
        customer_number text,
        pricing jsonb,
        CONSTRAINT sales_tenant_id_outlet_id_fkey FOREIGN KEY(tenant_id, outlet_id) REFERENCES outlets (tenant_id, id),
        CONSTRAINT sales_tenant_id_register_id_fkey FOREIGN KEY(tenant_id, register_id) REFERENCES registers (tenant_id, id),
        CONSTRAINT sales_tenant_id_shift_id_fkey FOREIGN KEY(tenant_id, shift_id) REFERENCES shifts (tenant_id, id),
        CONSTRAINT sales_kind_check CHECK (kind IN ('sale', 'void', 'imported')),
        CONSTRAINT sales_total_check CHECK (total = base + tax + rounding),
        CONSTRAINT sales_void_check CHECK ((kind = 'void') = (void_of IS NOT NULL)),
        CONSTRAINT sales_series_check CHECK (CASE WHEN kind = 'imported' THEN external_number IS NOT NULL AND number IS NULL AND shift_id IS NULL ELSE coalesce(number, 0) >= 1 AND coalesce(epoch, 0) >= 1 AND register_id IS NOT NULL AND shift_id IS NOT NULL AND hash IS NOT NULL AND prev_hash IS NOT NULL AND body_hash IS NOT NULL END)
    )
    """,
    "CREATE INDEX sales_business_date_idx ON sales (tenant_id, business_date, id)",
    "CREATE UNIQUE INDEX sales_external_idx ON sales (tenant_id, source, external_number) WHERE external_number IS NOT NULL",
    "CREATE INDEX sales_outlet_id_idx ON sales (tenant_id, outlet_id, business_date, id)",
    "CREATE UNIQUE INDEX sales_series_idx ON sales (tenant_id, register_id, epoch, number) WHERE number IS NOT NULL",
    "CREATE INDEX sales_shift_id_idx ON sales (tenant_id, shift_id) WHERE shift_id IS NOT NULL",
    "CREATE UNIQUE INDEX sales_void_of_idx ON sales (tenant_id, void_of) WHERE void_of IS NOT NULL",
    "ALTER TABLE sales ADD CONSTRAINT sales_pkey PRIMARY KEY (tenant_id, id)",
    "ALTER TABLE sales ADD CONSTRAINT sales_tenant_id_void_of_fkey FOREIGN KEY(tenant_id, void_of) REFERENCES sales (tenant_id, id)",
    """
    CREATE TABLE ledger_entries (
        tenant_id integer NOT NULL,
        sale_id uuid NOT NULL,
        entry_no integer NOT NULL,
        account text NOT NULL,
        amount bigint NOT NULL,
        business_date date NOT NULL,
        CONSTRAINT ledger_entries_pkey PRIMARY KEY (tenant_id, sale_id, entry_no),
        CONSTRAINT ledger_entries_tenant_id_sale_id_fkey FOREIGN KEY(tenant_id, sale_id) REFERENCES sales (tenant_id, id),
        CONSTRAINT ledger_entries_amount_check CHECK (amount <> 0)
    )
    """,
    "CREATE INDEX ledger_entries_account_idx ON ledger_entries (tenant_id, account, business_date)",
    """
    CREATE TABLE payments (
        tenant_id integer NOT NULL,
        sale_id uuid NOT NULL,
        seq integer NOT NULL,
        kind text NOT NULL,
        amount bigint NOT NULL,
        reference text DEFAULT '' NOT NULL,
        CONSTRAINT payments_pkey PRIMARY KEY (tenant_id, sale_id, seq),
        CONSTRAINT payments_tenant_id_sale_id_fkey FOREIGN KEY(tenant_id, sale_id) REFERENCES sales (tenant_id, id),
        CONSTRAINT payments_kind_check CHECK (kind IN ('cash', 'card', 'change')),
        CONSTRAINT payments_amount_check CHECK (amount <> 0)
    )
    """,
    """
    CREATE TABLE sale_lines (
        tenant_id integer NOT NULL,
        sale_id uuid NOT NULL,
        line_no integer NOT NULL,
        product_id uuid,
        sku text NOT NULL,
        name text NOT NULL,
        quantity numeric(14, 3) NOT NULL,
        unit_price numeric(14, 4) NOT NULL,
        discount bigint NOT NULL,
        base bigint NOT NULL,
        tax bigint NOT NULL,
        total bigint NOT NULL,
        taxes jsonb DEFAULT '[]' NOT NULL,
        CONSTRAINT sale_lines_pkey PRIMARY KEY (tenant_id, sale_id, line_no),
        CONSTRAINT sale_lines_tenant_id_sale_id_fkey FOREIGN KEY(tenant_id, sale_id) REFERENCES sales (tenant_id, id),
        CONSTRAINT sale_lines_tenant_id_product_id_fkey FOREIGN KEY(tenant_id, product_id) REFERENCES products (tenant_id, id),
        CONSTRAINT sale_lines_total_check CHECK (total = base + tax),
        CONSTRAINT sale_lines_line_no_check CHECK (line_no >= 1)
    )
    """,
    "CREATE INDEX sale_lines_product_id_idx ON sale_lines (tenant_id, product_id)",
    """
    CREATE TABLE sale_taxes (
        tenant_id integer NOT NULL,
        sale_id uuid NOT NULL,
        tax_no integer NOT NULL,
        code text NOT NULL,
        name text NOT NULL,
        rate numeric(15, 6) NOT NULL,
        base bigint NOT NULL,
        amount bigint NOT NULL,
        CONSTRAINT sale_taxes_pkey PRIMARY KEY (tenant_id, sale_id, tax_no),
        CONSTRAINT sale_taxes_tenant_id_sale_id_fkey FOREIGN KEY(tenant_id, sale_id) REFERENCES sales (tenant_id, id)
    )
    """,
)

# A change of a product gives it the next version, whoever makes it, so a till can ask for what is newer. Two
# transactions of one tenant take turns until the commit: otherwise the later version could become visible first, and
# a till that asks for what is newer than it would never hear of the earlier one.
AFTER_TABLES = (
    """
    CREATE FUNCTION primepos_touch_product() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(7767, NEW.tenant_id);
        NEW.version := nextval('product_version_seq');
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER products_touch BEFORE INSERT OR UPDATE ON products"
    " FOR EACH ROW EXECUTE FUNCTION primepos_touch_product()",
    # A summary stands for its day only while nothing comes after it: whatever adds a sale, late or imported, takes the
    # day's summary away, and reports read the day's own rows until the job has made it anew. The job holds the day's
    # lock alone and those who add share it, so no sale can slip in between what the job read and what it wrote.
    """
    CREATE FUNCTION primepos_forget_summary() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(7768,
            hashtext(NEW.outlet_id::text) # (NEW.business_date - DATE '2000-01-01'));
        DELETE FROM day_summaries
         WHERE tenant_id = NEW.tenant_id AND outlet_id = NEW.outlet_id AND business_date = NEW.business_date;
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER sales_forget_summary AFTER INSERT ON sales FOR EACH ROW EXECUTE FUNCTION primepos_forget_summary()",
    # Its own role owns the search: row-level security would switch the index off, since @> and LIKE are not
    # leakproof. The tenant is taken from the transaction's setting, never from the caller's arguments.
    """
    CREATE FUNCTION primepos_search_products(query text, most integer)
    RETURNS TABLE (id uuid, sku text, name text, unit_price numeric, rank integer)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        tenant integer := nullif(current_setting('app.tenant', true), '')::integer;
        whole text := lower(btrim(query));
        words text[] := array(SELECT w FROM regexp_split_to_table(lower(query), '[^[:alnum:]]+') AS w WHERE w <> '');
        pieces text[];
    BEGIN
        IF tenant IS NULL OR whole = '' THEN
            RETURN;
        END IF;
        pieces := array(
            SELECT DISTINCT tenant::text || ':' || piece FROM unnest(words) AS w,
                LATERAL (SELECT substr(w, n, 3) AS piece FROM generate_series(1, length(w) - 2) AS n
                         UNION ALL SELECT '^' || w WHERE length(w) < 3) AS cut);
        RETURN QUERY
        WITH exact AS MATERIALIZED (
            SELECT p.id, p.sku, p.name, p.unit_price FROM products p
             WHERE p.tenant_id = tenant AND p.sku = btrim(query) AND p.archived_at IS NULL
            UNION
            SELECT p.id, p.sku, p.name, p.unit_price
              FROM product_barcodes b JOIN products p ON p.tenant_id = b.tenant_id AND p.id = b.product_id
             WHERE b.tenant_id = tenant AND b.code = btrim(query) AND p.archived_at IS NULL
        ), near AS (
            SELECT p.id, p.sku, p.name, p.unit_price, CASE WHEN starts_with(lower(p.name), whole) THEN 1 ELSE 2 END AS rank
              FROM products p
             WHERE cardinality(pieces) > 0 AND p.grams @> pieces AND p.archived_at IS NULL
               -- The pieces carry the tenant already; "+ 0" keeps the planner from reading a whole tenant's index too.
               AND p.tenant_id + 0 = tenant
               AND (SELECT bool_and(position(w IN lower(p.sku || ' ' || p.name)) > 0) FROM unnest(words) AS w)
               AND NOT EXISTS (SELECT FROM exact e WHERE e.id = p.id)
             LIMIT 500
        )
        SELECT f.id, f.sku, f.name, f.unit_price, f.rank
          FROM (SELECT e.id, e.sku, e.name, e.unit_price, 0 AS rank FROM exact e UNION ALL SELECT * FROM near) AS f
         ORDER BY f.rank, lower(f.name), f.sku
         LIMIT least(greatest(most, 1), 200);
    END $$
    """,
    "REVOKE ALL ON FUNCTION primepos_search_products(text, integer) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION primepos_search_products(text, integer) TO primepos_app, primepos_system",
    # Owning a function in a schema asks for CREATE on it at the moment of the change only.
    "GRANT CREATE ON SCHEMA public TO primepos_search",
    "ALTER FUNCTION primepos_search_products(text, integer) OWNER TO primepos_search",
    "REVOKE CREATE ON SCHEMA public FROM primepos_search",
)

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::int)"
SEARCHED = ("products", "product_barcodes")
# What the application may do to each tenant table. What is only ever added can be neither changed nor removed.
APP_RIGHTS = {
    "audit_events": "SELECT, INSERT",
    "categories": "SELECT, INSERT, UPDATE",
    "day_summaries": "SELECT, INSERT, UPDATE, DELETE",
    "import_runs": "SELECT, INSERT, UPDATE",
    "ledger_entries": "SELECT, INSERT",
    "memberships": "SELECT, INSERT, UPDATE, DELETE",
    "outlets": "SELECT, INSERT, UPDATE",
    "payments": "SELECT, INSERT",
    "price_changes": "SELECT, INSERT",
    "product_barcodes": "SELECT, INSERT, UPDATE, DELETE",
    "product_day_summaries": "SELECT, INSERT, UPDATE, DELETE",
    "products": "SELECT, INSERT, UPDATE",
    "registers": "SELECT, INSERT, UPDATE",
    "sale_lines": "SELECT, INSERT",
    "sale_taxes": "SELECT, INSERT",
    "sales": "SELECT, INSERT",
    "shifts": "SELECT, INSERT, UPDATE",
    "staff": "SELECT, INSERT, UPDATE",
    "stock_documents": "SELECT, INSERT",
    "stock_levels": "SELECT, INSERT, UPDATE",
    "stock_movements": "SELECT, INSERT",
    "tax_class_taxes": "SELECT, INSERT, UPDATE, DELETE",
    "tax_classes": "SELECT, INSERT, UPDATE",
    "taxes": "SELECT, INSERT, UPDATE",
}
SYSTEM_ONLY = {
    "login_sessions": "SELECT, INSERT, UPDATE, DELETE",
    "refresh_tokens": "SELECT, INSERT, UPDATE, DELETE",
    "system_audit_events": "SELECT, INSERT",
    "throttle_counters": "SELECT, INSERT, UPDATE, DELETE",
    "users": "SELECT, INSERT, UPDATE",
}


def upgrade() -> None:
    """Build everything; new tables need no care for locks."""
    for statement in (*FUNCTIONS, *TABLES, *AFTER_TABLES):
        op.execute(statement)
    for table, rights in APP_RIGHTS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_tenant ON {table} TO primepos_app"
            f" USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
        )
        op.execute(f"CREATE POLICY {table}_system ON {table} TO primepos_system USING (true) WITH CHECK (true)")
        op.execute(f"GRANT {rights} ON {table} TO primepos_app, primepos_system")
    for table in SEARCHED:
        op.execute(f"CREATE POLICY {table}_search ON {table} FOR SELECT TO primepos_search USING (true)")
        op.execute(f"GRANT SELECT ON {table} TO primepos_search")
    # A tenant sees and changes its own row only, and never its own standing.
    op.execute("ALTER TABLE tenants ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE tenants FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenants_own ON tenants TO primepos_app USING (id = {TENANT}) WITH CHECK (id = {TENANT})")
    op.execute("CREATE POLICY tenants_system ON tenants TO primepos_system USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, UPDATE (name, zone, day_starts_hour, settings, updated_at) ON tenants TO primepos_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON tenants TO primepos_system")
    for table, rights in SYSTEM_ONLY.items():
        op.execute(f"GRANT {rights} ON {table} TO primepos_system")
    op.execute("GRANT SELECT ON installation, alembic_version TO primepos_app, primepos_system")
    op.execute("GRANT INSERT, UPDATE ON installation TO primepos_system")
    op.execute("GRANT USAGE ON SEQUENCE product_version_seq TO primepos_app, primepos_system")


def downgrade() -> None:
    """Drop everything that the upgrade built."""
    op.execute("REVOKE SELECT ON alembic_version FROM primepos_app, primepos_system")
    op.execute("SET LOCAL ROLE primepos_search")
    op.execute("DROP FUNCTION primepos_search_products(text, integer)")
    op.execute("RESET ROLE")
    for table in reversed(_built()):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION primepos_touch_product()")
    op.execute("DROP FUNCTION primepos_forget_summary()")
    op.execute("DROP SEQUENCE product_version_seq")
    op.execute("DROP FUNCTION primepos_grams(integer, text)")


def _built() -> list[str]:
    """Return the tables in the order in which they were made."""
    made = (statement.split() for statement in TABLES)
    return [words[2] for words in made if words[:2] == ["CREATE", "TABLE"]]
