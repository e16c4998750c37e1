import cart.ApiClient;
import cart.ApiException;
import cart.ApiResponse;
import cart.JSON;
import cart.api.CartsApi;
import cart.api.ItemsApi;
import cart.api.OperationApi;
import cart.model.AddBatch;
import cart.model.AddItem;
import cart.model.AddItems;
import cart.model.Attribute;
import cart.model.Batch;
import cart.model.BatchGet;
import cart.model.Cart;
import cart.model.Checkout;
import cart.model.Claim;
import cart.model.Merge;
import cart.model.NewCart;
import cart.model.Page;
import cart.model.Problem;
import cart.model.SetItem;
import cart.model.Status;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;

/**
 * A whole cart's life with the generated client; then a guest becomes a customer. Exit status 1, with a stack trace, if anything is not
 * as the contract says. ids/ has the class Ids for both types of ids. With CART_TOKEN the service knows its callers, and
 * CART_GUEST_TOKEN and CART_CUSTOMER_TOKEN are those of a guest and of customer 77.
 */
public class Life {
    static final long BIG = 9007199254740991L; // 2^53 - 1
    static final UUID MISSING = UUID.fromString("00000000-0000-4000-8000-000000000001");

    final CartsApi carts;
    final ItemsApi items;
    final OperationApi operation;

    Life(String url, String token) {
        ApiClient client = new ApiClient();
        client.setBasePath(url);
        if (token != null)
            client.setBearerToken(token);
        carts = new CartsApi(client);
        items = new ItemsApi(client);
        operation = new OperationApi(client);
    }

    interface Call {
        void run() throws ApiException;
    }

    static void equal(Object wanted, Object got) {
        if (!Objects.equals(wanted, got))
            throw new AssertionError("got " + got + " in place of " + wanted);
    }

    static void fails(int status, String error, Call call) {
        try {
            call.run();
        } catch (ApiException e) {
            Problem problem = JSON.deserialize(e.getResponseBody(), Problem.class);
            equal(status, e.getCode());
            equal(status, problem.getStatus());
            equal(error, problem.getError().getValue());
            equal("about:blank", problem.getType().getValue());
            return;
        }
        throw new AssertionError("no " + status + " " + error);
    }

    static AddItem item(long product, int quantity) {
        return new AddItem().productId(Ids.of(product)).quantity(quantity);
    }

    Cart create(long customer, String key) throws ApiException {
        return carts.createCart(new NewCart().customerId(Ids.of(customer)), key, null, null);
    }

    Cart get(UUID id) throws ApiException {
        return carts.getCart(id, null, null, null, null, null);
    }

    void changes(UUID id) throws ApiException {
        equal(null, items.addItems(id, new AddItems(item(BIG, 2)), null, "add-1", null, null, null));
        Cart cart = items.addItems(id, new AddItems(new AddBatch().items(List.of(item(7, 1), item(8, 3)))),
                "\"2\"", null, "return=representation", null, null);
        equal(3L, cart.getVersion());
        ApiResponse<Cart> set = items.setItemWithHttpInfo(id, Ids.of(BIG), new SetItem().quantity(5), null, null, null, null, null);
        equal(204, set.getStatusCode());
        equal(List.of("\"4\""), set.getHeaders().get("ETag"));
        items.removeItem(id, Ids.of(7), null, null, null, null, null);
        cart = get(id);
        equal(5L, cart.getVersion());
        equal(2, cart.getItems().size());
        equal(Ids.of(8), cart.getItems().get(0).getProductId());
        equal(Ids.of(BIG), cart.getItems().get(1).getProductId());
        equal(5, cart.getItems().get(1).getQuantity());
        equal(Status.OPEN, cart.getStatus());
        equal(null, cart.getOrderId());
        if (!cart.getExpiresAt().isAfter(OffsetDateTime.now()))
            throw new AssertionError("expired at " + cart.getExpiresAt());
        fails(412, "VERSION_MISMATCH", () -> items.clearItems(id, "\"1\"", null, null, null, null));
        fails(404, "ITEM_NOT_FOUND", () -> items.removeItem(id, Ids.of(7), null, null, null, null, null));
        fails(400, "INVALID_INPUT", () -> items.setItem(id, Ids.NONE, new SetItem().quantity(1), null, null, null, null, null));
    }

    void lists(UUID id) throws ApiException {
        List<UUID> seen = new ArrayList<>();
        UUID second = create(BIG, null).getShoppingCartId(), third = create(BIG, null).getShoppingCartId();
        String cursor = null;
        do {
            Page page = carts.listCarts(Ids.of(BIG), null, Status.OPEN, 2, cursor, null, null);
            for (Cart cart : page.getCarts())
                seen.add(cart.getShoppingCartId());
            cursor = page.getNextCursor();
        } while (cursor != null);
        equal(3, seen.size());
        if (!seen.containsAll(List.of(id, second, third)))
            throw new AssertionError("listed " + seen);
        Page idle = carts.listCarts(null, OffsetDateTime.now().plusHours(1), null, 100, null, null, null);
        equal(3, idle.getCarts().size());
        Batch batch = carts.batchGetCarts(new BatchGet().ids(List.of(id, MISSING)), null, null);
        equal(id, batch.getCarts().get(0).getShoppingCartId());
        equal(List.of(MISSING), batch.getMissing());
        fails(409, "CART_EMPTY", () -> carts.checkoutCart(second, null, null, null, null, null, null));
        carts.deleteCart(second, "W/\"1\"", null, null);
        fails(404, "CART_NOT_FOUND", () -> get(second));
    }

    void checkout(UUID id) throws ApiException {
        Checkout order = carts.checkoutCart(id, null, "checkout-1", null, null, null, null);
        Checkout again = carts.checkoutCart(id, null, null, "return=representation", null, null, null);
        equal(order.getOrderId(), again.getOrderId());
        equal(null, order.getShoppingCartId());
        equal(id, again.getShoppingCartId());
        equal(Ids.of(BIG), again.getItems().get(1).getProductId());
        equal(null, again.getExpiresAt());
        Cart cart = get(id);
        equal(Status.CHECKED_OUT, cart.getStatus());
        equal(order.getOrderId(), cart.getOrderId());
        equal(null, cart.getExpiresAt());
        fails(409, "CART_CLOSED", () -> items.addItems(id, new AddItems(item(1, 1)), null, null, null, null, null));
    }

    Cart make(Long customer, int quantity, Map<String, Attribute> attributes) throws ApiException {
        NewCart cart = new NewCart().items(List.of(item(7, quantity).attributes(attributes)));
        if (customer != null)
            cart.customerId(Ids.of(customer));
        return carts.createCart(cart, UUID.randomUUID().toString(), null, null);
    }

    static void guestLogsIn(String url, Life anybody) throws ApiException {
        Life guest = new Life(url, System.getenv("CART_GUEST_TOKEN")), customer = new Life(url, System.getenv("CART_CUSTOMER_TOKEN"));
        Cart from = guest.make(null, 2, Map.of("name", new Attribute("Mug"), "price", new Attribute(1299L))), own = customer.make(77L, 3, null);
        equal(null, from.getCustomerId());
        for (int i = 0; i < 2; i++) {
            Cart merged = customer.carts.mergeCarts(own.getShoppingCartId(),
                    new Merge().from(from.getShoppingCartId()).strategy(Merge.StrategyEnum.ADD), null, null, null, null, null);
            equal(2L, merged.getVersion());
            equal(5, merged.getItems().get(0).getQuantity());
        }
        Cart added = customer.items.addItems(own.getShoppingCartId(), new AddItems(item(7, 1)), null, null, "return=representation", null,
                null);
        equal("Mug", added.getItems().get(0).getAttributes().get("name").getString());
        equal(1299L, added.getItems().get(0).getAttributes().get("price").getLong());
        Cart gone = guest.get(from.getShoppingCartId());
        equal(Status.MERGED, gone.getStatus());
        equal(own.getShoppingCartId(), gone.getMergedInto());
        UUID id = guest.make(null, 1, null).getShoppingCartId();
        customer.carts.claimCart(id, new Claim().customerId(Ids.of(77)), null, null, null, null, null);
        fails(409, "CART_OWNED",
                () -> anybody.carts.claimCart(id, new Claim().customerId(Ids.of(78)), null, null, null, null, null));
        if (System.getenv("CART_TOKEN") == null)
            return;
        fails(404, "CART_NOT_FOUND", () -> guest.get(id));
        fails(401, "UNAUTHORIZED", () -> new Life(url, null).get(id));
        fails(403, "FORBIDDEN", () -> guest.make(77L, 1, null));
    }

    public static void main(String[] arguments) throws ApiException {
        Life life = new Life(arguments[0], System.getenv("CART_TOKEN"));
        Cart cart = life.create(BIG, "create-1");
        UUID id = cart.getShoppingCartId();
        equal(Ids.of(BIG), cart.getCustomerId());
        equal(1L, cart.getVersion());
        equal(id, life.create(BIG, "create-1").getShoppingCartId());
        life.changes(id);
        life.lists(id);
        life.checkout(id);
        guestLogsIn(arguments[0], life);
        equal("ok", life.operation.livez().getStatus().getValue());
        equal("ok", life.operation.health().getStatus().getValue());
    }
}
