/* A whole cart's life with the client that openapi-generator makes (typescript-fetch). Throws if anything is not as the contract
 * says. */
import assert from "node:assert/strict";
import { CartsApi, Configuration, ItemsApi, OperationApi, ProblemFromJSON, ResponseError } from "./generated/index.js";

const BIG = Number.MAX_SAFE_INTEGER;
const MISSING = "00000000-0000-4000-8000-000000000001";
const configuration = new Configuration({ basePath: process.argv[2] });
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
        addItems: { items: [{ productId: 7, quantity: 1 }, { productId: 8, quantity: 3 }] },
    });
    assert.equal(added?.version, 3);
    const set = await items.setItemRaw({ id, productId: BIG, setItem: { quantity: 5 } });
    assert.deepEqual([set.raw.status, set.raw.headers.get("ETag")], [204, '"4"']);
    await items.removeItem({ id, productId: 7 });
    const cart = await carts.getCart({ id });
    assert.equal(cart.version, 5);
    assert.deepEqual(cart.items.map((item) => [item.productId, item.quantity]), [[8, 3], [BIG, 5]]);
    assert.deepEqual([cart.status, cart.orderId], ["open", null]);
    assert.ok(cart.expiresAt !== null && cart.expiresAt.getTime() > Date.now());
    await fails(412, "VERSION_MISMATCH", items.clearItems({ id, ifMatch: '"1"' }));
    await fails(404, "ITEM_NOT_FOUND", items.removeItem({ id, productId: 7 }));
    await fails(400, "INVALID_INPUT", items.setItem({ id, productId: 0, setItem: { quantity: 5 } }));
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
    await fails(409, "CART_CLOSED", items.addItems({ id, addItems: { productId: 1, quantity: 1 } }));
}

const cart = await create("create-1");
assert.equal(cart.customerId, BIG);
assert.equal(cart.version, 1);
assert.equal((await create("create-1")).shoppingCartId, cart.shoppingCartId);
await changes(cart.shoppingCartId);
await lists(cart.shoppingCartId);
await checkout(cart.shoppingCartId);
assert.equal((await new OperationApi(configuration).livez()).status, "ok");
