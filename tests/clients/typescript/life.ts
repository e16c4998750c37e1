/* A whole cart's life with the types of openapi-typescript and the client openapi-fetch; then a guest who becomes a customer. Throws
 * if anything is not as the contract says. CART_IDS=string: ids of customers and products are strings. With CART_TOKEN the service
 * knows its callers, and CART_GUEST_TOKEN and CART_CUSTOMER_TOKEN are those of a guest and of customer 77. */
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type ShopId = components["schemas"]["ShopId"];
type Attributes = components["schemas"]["Attributes"];

const strings = process.env.CART_IDS === "string";
const shopId = (id: number) => (strings ? String(id) : id) as unknown as ShopId;
const BIG = shopId(Number.MAX_SAFE_INTEGER);
const NO_ID = (strings ? "a b" : 0) as unknown as ShopId;
const MISSING = "00000000-0000-4000-8000-000000000001";

function clientOf(token?: string) {
    return createClient<paths>({ baseUrl: process.argv[2], headers: token ? { Authorization: "Bearer " + token } : {} });
}

const client = clientOf(process.env.CART_TOKEN);

type Problem = components["schemas"]["Problem"];
type Answer<T> = { data?: T; error?: Problem; response: Response };

function must<T>(status: number, answer: Answer<T>): T {
    assert.equal(answer.response.status, status, answer.error?.detail);
    return answer.data as T;
}

function fails(status: number, error: Problem["error"], answer: Answer<unknown>) {
    assert.equal(answer.response.status, status);
    assert.equal(answer.error?.status, status);
    assert.equal(answer.error?.error, error);
    assert.equal(answer.error?.type, "about:blank");
}

async function create(key?: string) {
    return must(201, await client.POST("/shopping-carts", {
        params: { header: { "Idempotency-Key": key } }, body: { customer_id: BIG },
    }));
}

async function changes(id: string) {
    const path = { id };
    const line = (product_id: ShopId) => ({ id, product_id });

    must(204, await client.POST("/shopping-carts/{id}/items", { params: { path }, body: { product_id: BIG, quantity: 2 } }));
    const added = must(200, await client.POST("/shopping-carts/{id}/items", {
        params: { path, header: { "If-Match": '"2"', Prefer: "return=representation" } },
        body: { items: [{ product_id: shopId(7), quantity: 1 }, { product_id: shopId(8), quantity: 3 }] },
    }));
    assert.equal(added.version, 3);
    const set = await client.PUT("/shopping-carts/{id}/items/{product_id}", { params: { path: line(BIG) }, body: { quantity: 5 } });
    must(204, set);
    assert.equal(set.response.headers.get("ETag"), '"4"');
    must(204, await client.DELETE("/shopping-carts/{id}/items/{product_id}", { params: { path: line(shopId(7)) } }));
    const cart = must(200, await client.GET("/shopping-carts/{id}", { params: { path } }));
    assert.equal(cart.version, 5);
    assert.deepEqual(cart.items.map((item) => [item.product_id, item.quantity]), [[shopId(8), 3], [BIG, 5]]);
    assert.equal(cart.status, "open");
    assert.equal(cart.order_id, null);
    assert.ok(cart.expires_at !== null && Date.parse(cart.expires_at) > Date.now());
    fails(412, "VERSION_MISMATCH",
        await client.DELETE("/shopping-carts/{id}/items", { params: { path, header: { "If-Match": '"1"' } } }));
    fails(404, "ITEM_NOT_FOUND",
        await client.DELETE("/shopping-carts/{id}/items/{product_id}", { params: { path: line(shopId(7)) } }));
    fails(400, "INVALID_INPUT",
        await client.PUT("/shopping-carts/{id}/items/{product_id}", { params: { path: line(NO_ID) }, body: { quantity: 5 } }));
}

async function lists(id: string) {
    const second = (await create()).shopping_cart_id;
    const third = (await create()).shopping_cart_id;
    const seen: string[] = [];

    for (let cursor: string | null | undefined; cursor !== null;) {
        const page: components["schemas"]["Page"] = must(200, await client.GET("/shopping-carts", {
            params: { query: { customer_id: BIG, status: "open", limit: 2, cursor } },
        }));
        seen.push(...page.carts.map((cart) => cart.shopping_cart_id));
        cursor = page.next_cursor;
    }
    assert.deepEqual(seen.sort(), [id, second, third].sort());
    const idle_since = new Date(Date.now() + 3600000).toISOString();
    assert.equal(must(200, await client.GET("/shopping-carts", { params: { query: { idle_since } } })).carts.length, 3);
    const batch = must(200, await client.POST("/shopping-carts/batch-get", { body: { ids: [id, MISSING] } }));
    assert.equal(batch.carts[0].shopping_cart_id, id);
    assert.deepEqual(batch.missing, [MISSING]);
    fails(409, "CART_EMPTY", await client.POST("/shopping-carts/{id}/checkout", { params: { path: { id: second } } }));
    must(204, await client.DELETE("/shopping-carts/{id}", { params: { path: { id: second }, header: { "If-Match": 'W/"1"' } } }));
    fails(404, "CART_NOT_FOUND", await client.GET("/shopping-carts/{id}", { params: { path: { id: second } } }));
}

async function checkout(id: string) {
    const path = { id };
    const order = must(200, await client.POST("/shopping-carts/{id}/checkout", { params: { path } }));
    const again = must(200, await client.POST("/shopping-carts/{id}/checkout", {
        params: { path, header: { Prefer: "return=representation" } }, body: {},
    }));
    assert.equal(again.order_id, order.order_id);
    assert.equal(order.shopping_cart_id, undefined);
    assert.equal(again.shopping_cart_id, id);
    assert.equal(again.items?.[1].product_id, BIG);
    const cart = must(200, await client.GET("/shopping-carts/{id}", { params: { path } }));
    assert.deepEqual([cart.status, cart.order_id, cart.expires_at], ["checked_out", order.order_id, null]);
    fails(409, "CART_CLOSED",
        await client.POST("/shopping-carts/{id}/items", { params: { path }, body: { product_id: shopId(1), quantity: 1 } }));
}

async function guestLogsIn() {
    const guest = clientOf(process.env.CART_GUEST_TOKEN), customer = clientOf(process.env.CART_CUSTOMER_TOKEN);
    const made = async (by: typeof client, customer_id: ShopId | null, quantity: number, attributes?: Attributes) => must(201, await by.POST("/shopping-carts", {
        params: { header: { "Idempotency-Key": crypto.randomUUID() } },
        body: { customer_id, items: [{ product_id: shopId(7), quantity, attributes }] },
    }));
    const from = await made(guest, null, 2, { name: "Mug", price: 1299, gift: true }), own = await made(customer, shopId(77), 3);

    assert.equal(from.customer_id, null);
    const merge = () => customer.POST("/shopping-carts/{id}/merge", {
        params: { path: { id: own.shopping_cart_id } }, body: { from: from.shopping_cart_id, strategy: "add" },
    });
    const merged = must(200, await merge());
    assert.deepEqual([merged.version, merged.items.map((item) => item.quantity)], [2, [5]]);
    assert.equal(must(200, await merge()).version, 2);
    const gone = must(200, await guest.GET("/shopping-carts/{id}", { params: { path: { id: from.shopping_cart_id } } }));
    assert.deepEqual([gone.status, gone.merged_into], ["merged", own.shopping_cart_id]);
    const added = must(200, await customer.POST("/shopping-carts/{id}/items", {
        params: { path: { id: own.shopping_cart_id }, header: { Prefer: "return=representation" } },
        body: { product_id: shopId(7), quantity: 1 },
    }));
    assert.deepEqual(added.items[0].attributes, { gift: true, name: "Mug", price: 1299 });
    const second = await made(guest, null, 1), path = { id: second.shopping_cart_id };
    must(204, await customer.PUT("/shopping-carts/{id}/customer", { params: { path }, body: { customer_id: shopId(77) } }));
    fails(409, "CART_OWNED", await client.PUT("/shopping-carts/{id}/customer", { params: { path }, body: { customer_id: shopId(78) } }));
    if (process.env.CART_TOKEN) {
        fails(404, "CART_NOT_FOUND", await guest.GET("/shopping-carts/{id}", { params: { path } }));
        fails(401, "UNAUTHORIZED", await clientOf().GET("/shopping-carts/{id}", { params: { path } }));
        fails(403, "FORBIDDEN", await guest.POST("/shopping-carts", { body: { customer_id: shopId(77) } }));
    }
}

const cart = await create("create-1");
assert.equal(cart.customer_id, BIG);
assert.equal(cart.version, 1);
assert.equal((await create("create-1")).shopping_cart_id, cart.shopping_cart_id);
await changes(cart.shopping_cart_id);
await lists(cart.shopping_cart_id);
await checkout(cart.shopping_cart_id);
await guestLogsIn();
assert.equal(must(200, await client.GET("/livez")).status, "ok");
