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
import cart.model.Batch;
import cart.model.BatchGet;
import cart.model.Cart;
import cart.model.Checkout;
import cart.model.NewCart;
import cart.model.Page;
import cart.model.Problem;
import cart.model.SetItem;
import cart.model.Status;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;

/** A whole cart's life with the generated client. Exit status 1, with a stack trace, if anything is not as the contract says. */
public class Life {
    static final long BIG = 9007199254740991L; // 2^53 - 1
    static final UUID MISSING = UUID.fromString("00000000-0000-4000-8000-000000000001");

    final CartsApi carts;
    final ItemsApi items;
    final OperationApi operation;

    Life(String url) {
        ApiClient client = new ApiClient();
        client.setBasePath(url);
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
        return new AddItem().productId(product).quantity(quantity);
    }

    Cart create(long customer, String key) throws ApiException {
        return carts.createCart(new NewCart().customerId(customer), key, null, null);
    }

    Cart get(UUID id) throws ApiException {
        return carts.getCart(id, null, null, null, null, null);
    }

    void changes(UUID id) throws ApiException {
        equal(null, items.addItems(id, new AddItems(item(BIG, 2)), null, "add-1", null, null, null));
        Cart cart = items.addItems(id, new AddItems(new AddBatch().items(List.of(item(7, 1), item(8, 3)))),
                "\"2\"", null, "return=representation", null, null);
        equal(3L, cart.getVersion());
        ApiResponse<Cart> set = items.setItemWithHttpInfo(id, BIG, new SetItem().quantity(5), null, null, null, null, null);
        equal(204, set.getStatusCode());
        equal(List.of("\"4\""), set.getHeaders().get("ETag"));
        items.removeItem(id, 7L, null, null, null, null, null);
        cart = get(id);
        equal(5L, cart.getVersion());
        equal(2, cart.getItems().size());
        equal(8L, cart.getItems().get(0).getProductId());
        equal(BIG, cart.getItems().get(1).getProductId());
        equal(5, cart.getItems().get(1).getQuantity());
        equal(Status.OPEN, cart.getStatus());
        equal(null, cart.getOrderId());
        if (!cart.getExpiresAt().isAfter(OffsetDateTime.now()))
            throw new AssertionError("expired at " + cart.getExpiresAt());
        fails(412, "VERSION_MISMATCH", () -> items.clearItems(id, "\"1\"", null, null, null, null));
        fails(404, "ITEM_NOT_FOUND", () -> items.removeItem(id, 7L, null, null, null, null, null));
        fails(400, "INVALID_INPUT", () -> items.setItem(id, 0L, new SetItem().quantity(1), null, null, null, null, null));
    }

    void lists(UUID id) throws ApiException {
        List<UUID> seen = new ArrayList<>();
        UUID second = create(BIG, null).getShoppingCartId(), third = create(BIG, null).getShoppingCartId();
        String cursor = null;
        do {
            Page page = carts.listCarts(BIG, null, Status.OPEN, 2, cursor, null, null);
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
        equal(BIG, again.getItems().get(1).getProductId());
        equal(null, again.getExpiresAt());
        Cart cart = get(id);
        equal(Status.CHECKED_OUT, cart.getStatus());
        equal(order.getOrderId(), cart.getOrderId());
        equal(null, cart.getExpiresAt());
        fails(409, "CART_CLOSED", () -> items.addItems(id, new AddItems(item(1, 1)), null, null, null, null, null));
    }

    public static void main(String[] arguments) throws ApiException {
        Life life = new Life(arguments[0]);
        Cart cart = life.create(BIG, "create-1");
        UUID id = cart.getShoppingCartId();
        equal(BIG, cart.getCustomerId());
        equal(1L, cart.getVersion());
        equal(id, life.create(BIG, "create-1").getShoppingCartId());
        life.changes(id);
        life.lists(id);
        life.checkout(id);
        equal("ok", life.operation.livez().getStatus().getValue());
        equal("ok", life.operation.health().getStatus().getValue());
    }
}
