select count() from payments
