-- What every institution's schema holds beside its business: how it was filled, whom it serves,
-- and the log of what it answered.

CREATE TABLE generation (
    only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    institution  text NOT NULL,
    seed         bigint NOT NULL,
    customers    integer NOT NULL,
    first_day    date NOT NULL,
    generated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE customers (
    customer_ref text PRIMARY KEY,
    name         text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('individual', 'business'))
);

CREATE TABLE answers (
    id             bigserial PRIMARY KEY,
    at             timestamptz NOT NULL,
    interaction_id text,
    client_id      text,
    consent_id     text,
    method         text NOT NULL,
    path           text NOT NULL,
    status         integer NOT NULL
);

-- A line's number is taken before its transaction commits, so a reader that remembers the
-- highest number seen could skip a lower one committed later. Writers therefore hold a shared
-- lock from before the number is taken until they commit, and the reader takes it exclusively:
-- what it reads has no gap that will still be filled.
CREATE FUNCTION answer_lock() RETURNS bigint LANGUAGE sql STABLE
RETURN (1463046482::bigint << 32) | to_regclass('answers')::oid::bigint;

CREATE FUNCTION log_answers(
    at timestamptz[], interaction text[], client text[], consent text[],
    method text[], path text[], status integer[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(answer_lock());
    INSERT INTO answers (at, interaction_id, client_id, consent_id, method, path, status)
    SELECT * FROM unnest(at, interaction, client, consent, method, path, status);
END
$$;

CREATE FUNCTION read_answers(after_id bigint, most integer)
RETURNS SETOF answers LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(answer_lock());
    RETURN QUERY SELECT * FROM answers WHERE id > after_id ORDER BY id LIMIT most;
END
$$;
