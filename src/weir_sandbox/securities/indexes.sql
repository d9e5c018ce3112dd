ALTER TABLE orders ADD PRIMARY KEY (number);
CREATE UNIQUE INDEX order_ids ON orders (order_id);
CREATE INDEX orders_of_portfolio ON orders (portfolio_id, at, number);
CREATE INDEX portfolios_of_customer ON portfolios (customer_ref);
ALTER TABLE orders ADD FOREIGN KEY (portfolio_id) REFERENCES portfolios;
SELECT setval('orders_number_seq', (SELECT coalesce(max(number), 1) FROM orders));
ANALYZE customers, portfolios, holdings, orders;
