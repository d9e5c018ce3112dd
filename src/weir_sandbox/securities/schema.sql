-- Summit Securities. Prices and amounts are in fen. An order's cash is signed: a buy takes it, a
-- sale brings it. Cash is the opening and all orders' cash; a holding is the sum of its orders.

CREATE TABLE portfolios (
    portfolio_id       text PRIMARY KEY,
    customer_ref       text NOT NULL REFERENCES customers,
    name               text NOT NULL,
    number             text NOT NULL UNIQUE,
    opening_cash_minor bigint NOT NULL,
    cash_minor         bigint NOT NULL CONSTRAINT no_overdraft CHECK (cash_minor >= 0)
);

CREATE TABLE holdings (
    portfolio_id  text NOT NULL REFERENCES portfolios,
    instrument_id text NOT NULL,
    quantity      bigint NOT NULL CHECK (quantity >= 0),
    cost_minor    bigint NOT NULL,
    PRIMARY KEY (portfolio_id, instrument_id)
);

CREATE TABLE orders (
    number          bigserial NOT NULL,
    order_id        text NOT NULL,
    portfolio_id    text NOT NULL,
    client_id       text,
    idempotency_key text,
    body_sha256     bytea,
    consent_id      text,
    instrument_id   text NOT NULL,
    side            text NOT NULL CHECK (side IN ('buy', 'sell')),
    kind            text NOT NULL CHECK (kind IN ('market', 'limit')),
    quantity        bigint NOT NULL CHECK (quantity > 0),
    limit_minor     bigint,
    status          text NOT NULL CHECK (status IN ('filled', 'unfilled', 'rejected')),
    reason          text,
    price_minor     bigint,
    fees_minor      bigint NOT NULL,
    cash_minor      bigint NOT NULL,
    at              timestamptz NOT NULL,
    CONSTRAINT one_order_a_key UNIQUE (client_id, idempotency_key)
);

-- One order, decided in one transaction and one round trip, at a price worked out before. The
-- portfolio's row is the one lock, so orders on one portfolio follow each other.
--
-- Outcomes: filled, unfilled (the limit was not met), insufficient_funds and insufficient_holding
-- (kept under the key as a rejected order), replayed, key_reused, portfolio_unknown.
CREATE FUNCTION place(p orders, p_fills boolean, OUT outcome text, OUT placed orders)
LANGUAGE plpgsql AS $$
DECLARE
    cash bigint;
    held bigint;
BEGIN
    SELECT * INTO placed FROM orders
    WHERE client_id = p.client_id AND idempotency_key = p.idempotency_key;
    IF NOT FOUND THEN
        IF NOT EXISTS (SELECT 1 FROM portfolios WHERE portfolio_id = p.portfolio_id) THEN
            outcome := 'portfolio_unknown';
            RETURN;
        END IF;
        p.number := nextval('orders_number_seq');
        INSERT INTO orders SELECT p.* ON CONFLICT ON CONSTRAINT one_order_a_key DO NOTHING
        RETURNING * INTO placed;
        IF NOT FOUND THEN
            SELECT * INTO STRICT placed FROM orders
            WHERE client_id = p.client_id AND idempotency_key = p.idempotency_key;
        END IF;
    END IF;

    IF placed.body_sha256 <> p.body_sha256 THEN
        outcome := 'key_reused';
        placed := NULL;
        RETURN;
    ELSIF placed.order_id <> p.order_id THEN
        outcome := 'replayed';
        RETURN;
    ELSIF NOT p_fills THEN
        outcome := 'unfilled';
        RETURN;
    END IF;

    SELECT cash_minor INTO STRICT cash FROM portfolios
    WHERE portfolio_id = p.portfolio_id FOR NO KEY UPDATE;
    SELECT quantity INTO held FROM holdings
    WHERE portfolio_id = p.portfolio_id AND instrument_id = p.instrument_id;
    IF cash + p.cash_minor < 0 THEN
        outcome := 'insufficient_funds';
    ELSIF p.side = 'sell' AND coalesce(held, 0) < p.quantity THEN
        outcome := 'insufficient_holding';
    ELSE
        outcome := 'filled';
        UPDATE portfolios SET cash_minor = cash_minor + p.cash_minor
        WHERE portfolio_id = p.portfolio_id;
        PERFORM hold(p.portfolio_id, p.instrument_id, p.side, p.quantity, -p.cash_minor);
    END IF;
    IF outcome <> 'filled' THEN
        UPDATE orders
        SET status = 'rejected', reason = outcome, price_minor = NULL, fees_minor = 0,
            cash_minor = 0
        WHERE orders.order_id = p.order_id RETURNING * INTO placed;
    END IF;
END
$$;

-- A buy adds quantity and cost; a sale takes cost away in proportion.
CREATE FUNCTION hold(
    p_portfolio text, p_instrument text, p_side text, p_quantity bigint, p_paid bigint
) RETURNS void LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO holdings AS h
    SELECT p_portfolio, p_instrument, p_quantity, p_paid WHERE p_side = 'buy'
    ON CONFLICT (portfolio_id, instrument_id)
    DO UPDATE SET quantity = h.quantity + p_quantity, cost_minor = h.cost_minor + p_paid;
    UPDATE holdings
    SET quantity = quantity - p_quantity,
        cost_minor = cost_minor - (cost_minor::numeric * p_quantity / quantity)::bigint
    WHERE p_side = 'sell' AND portfolio_id = p_portfolio AND instrument_id = p_instrument;
END;

-- An order and the line of its answer, together or not at all.
CREATE FUNCTION place_and_log(
    p orders, p_fills boolean, p_interaction text, p_path text, p_statuses jsonb,
    OUT outcome text, OUT placed orders
) LANGUAGE plpgsql AS $$
DECLARE
    decision record;
    answered text;
BEGIN
    SELECT * INTO decision FROM place(p, p_fills);
    outcome := decision.outcome;
    placed := decision.placed;
    answered := CASE WHEN placed.status = 'rejected' THEN placed.reason ELSE outcome END;
    PERFORM log_answers(ARRAY[clock_timestamp()], ARRAY[p_interaction], ARRAY[p.client_id],
                        ARRAY[p.consent_id], ARRAY['POST'], ARRAY[p_path],
                        ARRAY[(p_statuses ->> answered)::integer]);
END
$$;
