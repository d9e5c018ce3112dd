CREATE INDEX policies_of_customer ON policies (customer_ref);
CREATE INDEX claims_of_policy ON claims (policy_id, reported_at);
ANALYZE customers, policies, claims;
