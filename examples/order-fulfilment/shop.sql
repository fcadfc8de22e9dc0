-- The shop's own data. A reservation takes its goods out of the stock, and gives them back when it goes.
CREATE TABLE stock (sku TEXT PRIMARY KEY, quantity INTEGER NOT NULL CHECK (quantity >= 0));
CREATE TABLE reservations (
    order_id TEXT, sku TEXT REFERENCES stock, quantity INTEGER NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, sku)
);
CREATE TRIGGER reserve AFTER INSERT ON reservations BEGIN
    UPDATE stock SET quantity = quantity - NEW.quantity WHERE sku = NEW.sku;
END;
CREATE TRIGGER release AFTER DELETE ON reservations BEGIN
    UPDATE stock SET quantity = quantity + OLD.quantity WHERE sku = OLD.sku;
END;
CREATE TABLE payments (order_id TEXT PRIMARY KEY, total_cents INTEGER NOT NULL, token TEXT NOT NULL, state TEXT NOT NULL);
CREATE TABLE shipments (order_id TEXT PRIMARY KEY, parcel TEXT NOT NULL);
CREATE TABLE mails (order_id TEXT PRIMARY KEY, recipient TEXT NOT NULL, text TEXT NOT NULL);
INSERT INTO stock VALUES ('teapot', 3), ('cup', 20);
