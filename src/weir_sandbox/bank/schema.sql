-- River Bank. Every movement has two sides: what leaves the bank or enters it is booked against a
-- clearing account, so all balances together are always zero. Amounts are in fen.

CREATE TABLE accounts (
    account_id    text PRIMARY KEY,
    customer_ref  text REFERENCES customers,
    kind          text NOT NULL CHECK (kind IN ('current', 'savings', 'settlement', 'clearing')),
    name          text NOT NULL,
    number        text NOT NULL,
    currency      text NOT NULL DEFAULT 'CNY' CHECK (currency = 'CNY'),
    opened_on     date NOT NULL,
    opening_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    CONSTRAINT no_overdraft CHECK (balance_minor >= 0 OR kind = 'clearing'),
    CONSTRAINT clearing_is_ours CHECK ((customer_ref IS NULL) = (kind = 'clearing'))
);

CREATE TABLE payments (
    payment_id        text PRIMARY KEY,
    client_id         text NOT NULL,
    idempotency_key   text NOT NULL,
    body_sha256       bytea NOT NULL,
    consent_id        text,
    debtor_account    text NOT NULL,
    creditor_account  text NOT NULL,
    creditor_name     text NOT NULL,
    amount_minor      bigint NOT NULL CHECK (amount_minor > 0),
    reference         text NOT NULL,
    status            text NOT NULL CHECK (status IN ('executed', 'rejected')),
    reason            text,
    at                timestamptz NOT NULL,
    CONSTRAINT one_payment_a_key UNIQUE (client_id, idempotency_key)
);

CREATE TABLE transactions (
    id                   bigserial NOT NULL,
    account_id           text NOT NULL,
    at                   timestamptz NOT NULL,
    amount_minor         bigint NOT NULL CHECK (amount_minor <> 0),
    balance_after_minor  bigint NOT NULL,
    category             text NOT NULL,
    counterparty_name    text NOT NULL,
    counterparty_account text,
    reference            text NOT NULL,
    payment_id           text
);

-- One payment, decided in one transaction and one round trip. The first statement that can wait
-- is the insertion of the key, held by a twin still being decided; then the accounts are locked
-- in the order of their names, so two payments never wait for each other in a circle.
--
-- Outcomes: executed, insufficient_funds (kept under the key as a rejected payment), replayed
-- (the key was used for the same payment before; the kept one is returned), key_reused,
-- debtor_unknown, creditor_unknown, same_account (nothing is kept).
CREATE FUNCTION pay(
    p_payment_id text, p_client text, p_key text, p_body_sha256 bytea, p_consent text,
    p_debtor text, p_creditor text, p_creditor_name text, p_amount bigint, p_reference text,
    p_clearing text, OUT outcome text, OUT payment payments
) LANGUAGE plpgsql AS $$
DECLARE
    target accounts;
    source accounts;
    moment timestamptz;
BEGIN
    SELECT * INTO payment FROM payments WHERE client_id = p_client AND idempotency_key = p_key;
    IF NOT FOUND THEN
        SELECT * INTO source FROM accounts WHERE account_id = p_debtor AND kind <> 'clearing';
        IF NOT FOUND THEN
            outcome := 'debtor_unknown';
            RETURN;
        END IF;
        SELECT * INTO target FROM accounts
        WHERE (account_id = p_creditor OR number = p_creditor) AND kind <> 'clearing';
        IF NOT FOUND AND is_ours(p_creditor) THEN
            outcome := 'creditor_unknown';
            RETURN;
        ELSIF NOT FOUND THEN
            SELECT * INTO STRICT target FROM accounts WHERE account_id = p_clearing;
        ELSIF target.account_id = p_debtor THEN
            outcome := 'same_account';
            RETURN;
        END IF;
        INSERT INTO payments
        VALUES (p_payment_id, p_client, p_key, p_body_sha256, p_consent, p_debtor, p_creditor,
                p_creditor_name, p_amount, p_reference, 'executed', NULL, clock_timestamp())
        ON CONFLICT ON CONSTRAINT one_payment_a_key DO NOTHING
        RETURNING * INTO payment;
        IF NOT FOUND THEN
            SELECT * INTO STRICT payment FROM payments
            WHERE client_id = p_client AND idempotency_key = p_key;
        END IF;
    END IF;

    IF payment.body_sha256 <> p_body_sha256 THEN
        outcome := 'key_reused';
        payment := NULL;
        RETURN;
    ELSIF payment.payment_id <> p_payment_id THEN
        outcome := 'replayed';
        RETURN;
    END IF;

    PERFORM 1 FROM accounts WHERE account_id IN (source.account_id, target.account_id)
    ORDER BY account_id FOR NO KEY UPDATE;
    moment := clock_timestamp();
    UPDATE accounts SET balance_minor = balance_minor - p_amount
    WHERE account_id = source.account_id AND balance_minor >= p_amount
    RETURNING * INTO source;
    IF NOT FOUND THEN
        UPDATE payments SET status = 'rejected', reason = 'insufficient_funds', at = moment
        WHERE payments.payment_id = p_payment_id RETURNING * INTO payment;
        outcome := 'insufficient_funds';
        RETURN;
    END IF;
    UPDATE accounts SET balance_minor = balance_minor + p_amount
    WHERE account_id = target.account_id RETURNING * INTO target;
    INSERT INTO transactions (account_id, at, amount_minor, balance_after_minor, category,
                              counterparty_name, counterparty_account, reference, payment_id)
    VALUES (source.account_id, moment, -p_amount, source.balance_minor, 'payment',
            p_creditor_name, p_creditor, p_reference, p_payment_id),
           (target.account_id, moment, p_amount, target.balance_minor, 'payment',
            (SELECT name FROM customers WHERE customer_ref = source.customer_ref),
            source.number, p_reference, p_payment_id);
    UPDATE payments SET at = moment
    WHERE payments.payment_id = p_payment_id RETURNING * INTO payment;
    outcome := 'executed';
END
$$;

-- Our own numbers begin with 999901 and our own names with rb-: such a creditor must exist.
CREATE FUNCTION is_ours(creditor text) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN creditor LIKE '999901%' OR creditor LIKE 'rb-%';

-- A payment and the line of its answer, together or not at all.
CREATE FUNCTION pay_and_log(
    p_payment_id text, p_client text, p_key text, p_body_sha256 bytea, p_consent text,
    p_debtor text, p_creditor text, p_creditor_name text, p_amount bigint, p_reference text,
    p_clearing text, p_interaction text, p_statuses jsonb,
    OUT outcome text, OUT payment payments
) LANGUAGE plpgsql AS $$
DECLARE
    decision record;
    answered text;
BEGIN
    SELECT * INTO decision
    FROM pay(p_payment_id, p_client, p_key, p_body_sha256, p_consent, p_debtor, p_creditor,
             p_creditor_name, p_amount, p_reference, p_clearing);
    outcome := decision.outcome;
    payment := decision.payment;
    answered := CASE WHEN payment.status = 'rejected' THEN payment.reason ELSE outcome END;
    PERFORM log_answers(ARRAY[clock_timestamp()], ARRAY[p_interaction], ARRAY[p_client],
                        ARRAY[p_consent], ARRAY['POST'], ARRAY['/payments'],
                        ARRAY[(p_statuses ->> answered)::integer]);
END
$$;
