/* The same as life.ts with the client that openapi-generator makes (typescript-fetch). Throws if anything is not as the contract
 * says. */
import assert from "node:assert/strict";
import { CartsApi, Configuration, ItemsApi, OperationApi, ProblemFromJSON, ResponseError } from "./generated/index.js";

const strings = process.env.CART_IDS === "string";
/* Fits both types of ids, of which the generated client has one. */
const shopId = (id: number) => (strings ? String(id) : id) as never;
const BIG = shopId(Number.MAX_SAFE_INTEGER);
const NO_ID = (strings ? "a b" : 0) as never;
const MISSING = "00000000-0000-4000-8000-000000000001";
const configurationOf = (accessToken?: string) => new Configuration({ basePath: process.argv[2], accessToken });
const configuration = configurationOf(process.env.CART_TOKEN);
const carts = new CartsApi(configuration);
const items = new ItemsApi(configuration);

async function fails(status: number, code: string, call: Promise<unknown>) {
    try {
        await call;
    } catch (error) {
        assert.ok(error instanceof ResponseError, String(error));
        const problem = ProblemFromJSON(await error.response.json());
        assert.deepEqual([error.response.status, problem.status, problem.error], [status, status, code]);
        return;
    }
    assert.fail("no " + code);
}

function create(idempotencyKey?: string) {
    return carts.createCart({ idempotencyKey, newCart: { customerId: BIG } });
}

async function changes(id: string) {
    await items.addItems({ id, addItems: { productId: BIG, quantity: 2 } });
    const added = await items.addItems({
        id, ifMatch: '"2"', prefer: "return=representation",
        addItems: { items: [{ productId: shopId(7), quantity: 1 }, { productId: shopId(8), quantity: 3 }] },
    });
    assert.equal(added?.version, 3);
    const set = await items.setItemRaw({ id, productId: BIG, setItem: { quantity: 5 } });
    assert.deepEqual([set.raw.status, set.raw.headers.get("ETag")], [204, '"4"']);
    await items.removeItem({ id, productId: shopId(7) });
    const cart = await carts.getCart({ id });
    assert.equal(cart.version, 5);
    assert.deepEqual(cart.items.map((item) => [item.productId, item.quantity]), [[shopId(8), 3], [BIG, 5]]);
    assert.deepEqual([cart.status, cart.orderId], ["open", null]);
    assert.ok(cart.expiresAt !== null && cart.expiresAt.getTime() > Date.now());
    await fails(412, "VERSION_MISMATCH", items.clearItems({ id, ifMatch: '"1"' }));
    await fails(404, "ITEM_NOT_FOUND", items.removeItem({ id, productId: shopId(7) }));
    await fails(400, "INVALID_INPUT", items.setItem({ id, productId: NO_ID, setItem: { quantity: 5 } }));
}

async function lists(id: string) {
    const second = (await create()).shoppingCartId;
    const third = (await create()).shoppingCartId;
    const seen: string[] = [];

    for (let cursor: string | undefined, more = true; more;) {
        const page = await carts.listCarts({ customerId: BIG, status: "open", limit: 2, cursor });
        seen.push(...page.carts.map((cart) => cart.shoppingCartId));
        more = page.nextCursor !== null;
        cursor = page.nextCursor ?? undefined;
    }
    assert.deepEqual(seen.sort(), [id, second, third].sort());
    assert.equal((await carts.listCarts({ idleSince: new Date(Date.now() + 3600000) })).carts.length, 3);
    const batch = await carts.batchGetCarts({ batchGet: { ids: [id, MISSING] } });
    assert.equal(batch.carts[0].shoppingCartId, id);
    assert.deepEqual(batch.missing, [MISSING]);
    await fails(409, "CART_EMPTY", carts.checkoutCart({ id: second }));
    await carts.deleteCart({ id: second, ifMatch: 'W/"1"' });
    await fails(404, "CART_NOT_FOUND", carts.getCart({ id: second }));
}

async function checkout(id: string) {
    const order = await carts.checkoutCart({ id });
    const again = await carts.checkoutCart({ id, prefer: "return=representation", body: {} });
    assert.equal(again.orderId, order.orderId);
    assert.equal(order.shoppingCartId, undefined);
    assert.equal(again.shoppingCartId, id);
    assert.equal(again.items?.[1].productId, BIG);
    const cart = await carts.getCart({ id });
    assert.deepEqual([cart.status, cart.orderId, cart.expiresAt], ["checked_out", order.orderId, null]);
    await fails(409, "CART_CLOSED", items.addItems({ id, addItems: { productId: shopId(1), quantity: 1 } }));
}

async function guestLogsIn() {
    const guest = new CartsApi(configurationOf(process.env.CART_GUEST_TOKEN));
    const customer = new CartsApi(configurationOf(process.env.CART_CUSTOMER_TOKEN));
    const made = (by: CartsApi, customerId: never | null, quantity: number, attributes?: Record<string, never>) => by.createCart({
        idempotencyKey: crypto.randomUUID(), newCart: { customerId, items: [{ productId: shopId(7), quantity, attributes }] },
    });
    const attributes = { name: "Mug", price: 1299, gift: true } as never;
    const from = await made(guest, null, 2, attributes), own = await made(customer, shopId(77), 3);

    assert.equal(from.customerId, null);
    const merge = () => customer.mergeCarts({ id: own.shoppingCartId, merge: { from: from.shoppingCartId, strategy: "add" } });
    const merged = await merge();
    assert.deepEqual([merged.version, merged.items.map((item) => item.quantity)], [2, [5]]);
    assert.equal((await merge()).version, 2);
    const gone = await guest.getCart({ id: from.shoppingCartId });
    assert.deepEqual([gone.status, gone.mergedInto], ["merged", own.shoppingCartId]);
    const added = await new ItemsApi(configurationOf(process.env.CART_CUSTOMER_TOKEN)).addItems({
        id: own.shoppingCartId, prefer: "return=representation", addItems: { productId: shopId(7), quantity: 1 },
    });
    assert.deepEqual(added?.items[0].attributes, attributes);
    const id = (await made(guest, null, 1)).shoppingCartId;
    await customer.claimCart({ id, claim: { customerId: shopId(77) } });
    await fails(409, "CART_OWNED", carts.claimCart({ id, claim: { customerId: shopId(78) } }));
    if (process.env.CART_TOKEN) {
        await fails(404, "CART_NOT_FOUND", guest.getCart({ id }));
        await fails(401, "UNAUTHORIZED", new CartsApi(configurationOf()).getCart({ id }));
        await fails(403, "FORBIDDEN", guest.createCart({ newCart: { customerId: shopId(77) } }));
    }
}

const cart = await create("create-1");
assert.equal(cart.customerId, BIG);
assert.equal(cart.version, 1);
assert.equal((await create("create-1")).shoppingCartId, cart.shoppingCartId);
await changes(cart.shoppingCartId);
await lists(cart.shoppingCartId);
await checkout(cart.shoppingCartId);
await guestLogsIn();
assert.equal((await new OperationApi(configuration).livez()).status, "ok");
