-- Harbour Insurance. Amounts are in fen. A quotation becomes at most one policy.

CREATE TABLE quotations (
    quotation_id      text PRIMARY KEY,
    client_id         text NOT NULL,
    product           text NOT NULL,
    risk              json NOT NULL,
    sum_insured_minor bigint NOT NULL,
    term_months       integer NOT NULL,
    components        json NOT NULL,
    net_minor         bigint NOT NULL,
    tax_minor         bigint NOT NULL,
    total_minor       bigint NOT NULL CHECK (total_minor = net_minor + tax_minor),
    made_at           timestamptz NOT NULL,
    valid_until       timestamptz NOT NULL
);

CREATE TABLE policies (
    policy_id         text PRIMARY KEY,
    customer_ref      text NOT NULL REFERENCES customers,
    number            text NOT NULL UNIQUE,
    product           text NOT NULL,
    holder_name       text NOT NULL,
    risk              json NOT NULL,
    sum_insured_minor bigint NOT NULL,
    premium_minor     bigint NOT NULL,
    starts_on         date NOT NULL,
    ends_on           date NOT NULL CHECK (ends_on >= starts_on),
    quotation_id      text UNIQUE REFERENCES quotations,
    body_sha256       bytea,
    issued_at         timestamptz NOT NULL
);

CREATE TABLE claims (
    claim_id        text PRIMARY KEY,
    policy_id       text NOT NULL REFERENCES policies,
    occurred_on     date NOT NULL,
    description     text NOT NULL,
    claimed_minor   bigint NOT NULL CHECK (claimed_minor > 0),
    status          text NOT NULL CHECK (status IN ('received', 'settled', 'declined')),
    settled_minor   bigint,
    reported_at     timestamptz NOT NULL,
    client_id       text,
    idempotency_key text,
    body_sha256     bytea,
    CONSTRAINT one_claim_a_key UNIQUE (client_id, idempotency_key)
);

-- Customers who come by a sale are numbered apart from those of the history.
CREATE SEQUENCE sold_customers START 900001;
