"""Operations on call records and the audit trail: counts, receipts, seals, roots."""
