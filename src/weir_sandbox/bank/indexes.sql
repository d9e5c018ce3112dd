ALTER TABLE transactions ADD PRIMARY KEY (id);
CREATE INDEX transactions_of_account ON transactions (account_id, at, id);
CREATE INDEX accounts_of_customer ON accounts (customer_ref);
CREATE UNIQUE INDEX account_numbers ON accounts (number);
ALTER TABLE transactions ADD FOREIGN KEY (account_id) REFERENCES accounts;
ALTER TABLE payments ADD FOREIGN KEY (debtor_account) REFERENCES accounts;
SELECT setval('transactions_id_seq', (SELECT coalesce(max(id), 1) FROM transactions));
ANALYZE customers, accounts, transactions;
