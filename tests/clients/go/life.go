// Command client lives a whole cart's life with the generated client; then a guest becomes a customer. Exit status 1, with a line, if
// anything is not as the contract says. The build tag "strings" is for ids of customers and products that are strings. With CART_TOKEN
// the service knows its callers, and CART_GUEST_TOKEN and CART_CUSTOMER_TOKEN are those of a guest and of customer 77.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"cart.tests/client-go/cartapi"
	"github.com/google/uuid"
)

var (
	big     = shopIDOf(9007199254740991) // 2^53 - 1
	missing = uuid.MustParse("00000000-0000-4000-8000-000000000001")
	ctx     = context.Background()
	client  *cartapi.ClientWithResponses
)

func equal[T comparable](what string, wanted, got T) {
	if wanted != got {
		panic(fmt.Sprintf("%s: got %v in place of %v", what, got, wanted))
	}
}

// must ends the program if a call has failed or its status is another one.
func must[T interface{ StatusCode() int }](wanted int, answer T, err error) func(what string) T {
	return func(what string) T {
		if err != nil {
			panic(what + ": " + err.Error())
		}
		equal(what+": status", wanted, answer.StatusCode())
		return answer
	}
}

func problem(what string, status int32, code cartapi.ProblemError, got *cartapi.Problem) {
	if got == nil {
		panic(what + ": no problem")
	}
	equal(what, status, got.Status)
	equal(what, code, got.Error)
}

func text(s string) *string { return &s }

func create(key *string) *cartapi.Cart {
	customer := big
	answer, err := client.CreateCartWithResponse(ctx, &cartapi.CreateCartParams{IdempotencyKey: key},
		cartapi.NewCart{CustomerId: &customer})
	return must(http.StatusCreated, answer, err)("create").JSON201
}

func changes(id uuid.UUID) {
	var one, batch cartapi.AddItems
	if one.FromAddItem(cartapi.AddItem{ProductId: big, Quantity: 2}) != nil ||
		batch.FromAddBatch(cartapi.AddBatch{Items: []cartapi.AddItem{{ProductId: shopIDOf(7), Quantity: 1}, {ProductId: shopIDOf(8), Quantity: 3}}}) != nil {
		panic("cannot make a body")
	}
	added, err := client.AddItemsWithResponse(ctx, id, &cartapi.AddItemsParams{IdempotencyKey: text("add-1")}, one)
	must(http.StatusNoContent, added, err)("add")
	added, err = client.AddItemsWithResponse(ctx, id,
		&cartapi.AddItemsParams{IfMatch: text(`"2"`), Prefer: text("return=representation")}, batch)
	equal("version", 3, must(http.StatusOK, added, err)("add a batch").JSON200.Version)
	set, err := client.SetItemWithResponse(ctx, id, big, nil, cartapi.SetItem{Quantity: 5})
	equal("ETag", `"4"`, must(http.StatusNoContent, set, err)("set").HTTPResponse.Header.Get("ETag"))
	removed, err := client.RemoveItemWithResponse(ctx, id, shopIDOf(7), nil)
	must(http.StatusNoContent, removed, err)("remove")
	got, err := client.GetCartWithResponse(ctx, id, nil)
	cart := must(http.StatusOK, got, err)("get").JSON200
	equal("version", 5, cart.Version)
	equal("lines", 2, len(cart.Items))
	equal("product", shopIDOf(8), cart.Items[0].ProductId)
	equal("product", big, cart.Items[1].ProductId)
	equal("quantity", int32(5), cart.Items[1].Quantity)
	equal("status", cartapi.Open, cart.Status)
	equal("order", true, cart.OrderId == nil)
	equal("expires later", true, cart.ExpiresAt.After(time.Now()))
	cleared, err := client.ClearItemsWithResponse(ctx, id, &cartapi.ClearItemsParams{IfMatch: text(`"1"`)})
	problem("clear", 412, "VERSION_MISMATCH", must(412, cleared, err)("clear").ApplicationproblemJSON412)
	removed, err = client.RemoveItemWithResponse(ctx, id, shopIDOf(7), nil)
	problem("remove", 404, "ITEM_NOT_FOUND", must(404, removed, err)("remove").ApplicationproblemJSON404)
	set, err = client.SetItemWithResponse(ctx, id, noID, nil, cartapi.SetItem{Quantity: 1})
	problem("set", 400, "INVALID_INPUT", must(400, set, err)("set").ApplicationproblemJSON400)
}

func lists(id uuid.UUID) {
	second, third := create(nil).ShoppingCartId, create(nil).ShoppingCartId
	seen := map[uuid.UUID]bool{}
	customer, limit, open := big, int32(2), cartapi.Open
	params := cartapi.ListCartsParams{CustomerId: &customer, Status: &open, Limit: &limit}
	for {
		answer, err := client.ListCartsWithResponse(ctx, &params)
		page := must(http.StatusOK, answer, err)("list").JSON200
		for _, cart := range page.Carts {
			equal("listed twice", false, seen[cart.ShoppingCartId])
			seen[cart.ShoppingCartId] = true
		}
		params.Cursor = page.NextCursor
		if params.Cursor == nil {
			break
		}
	}
	equal("all listed", true, len(seen) == 3 && seen[id] && seen[second] && seen[third])
	later := time.Now().Add(time.Hour)
	idle, err := client.ListCartsWithResponse(ctx, &cartapi.ListCartsParams{IdleSince: &later})
	equal("idle carts", 3, len(must(http.StatusOK, idle, err)("list idle").JSON200.Carts))
	answer, err := client.BatchGetCartsWithResponse(ctx, nil, cartapi.BatchGet{Ids: []uuid.UUID{id, missing}})
	batch := must(http.StatusOK, answer, err)("batch-get").JSON200
	equal("found", id, batch.Carts[0].ShoppingCartId)
	equal("missing", missing, batch.Missing[0])
	empty, err := client.CheckoutCartWithResponse(ctx, second, nil, cartapi.CheckoutCartJSONRequestBody{})
	problem("checkout", 409, "CART_EMPTY", must(409, empty, err)("checkout").ApplicationproblemJSON409)
	deleted, err := client.DeleteCartWithResponse(ctx, second, &cartapi.DeleteCartParams{IfMatch: text(`W/"1"`)})
	must(http.StatusNoContent, deleted, err)("delete")
	gone, err := client.GetCartWithResponse(ctx, second, nil)
	problem("get", 404, "CART_NOT_FOUND", must(404, gone, err)("get").ApplicationproblemJSON404)
}

func checkout(id uuid.UUID) {
	answer, err := client.CheckoutCartWithBodyWithResponse(ctx, id, nil, "application/json", http.NoBody)
	order := must(http.StatusOK, answer, err)("checkout").JSON200
	answer, err = client.CheckoutCartWithResponse(ctx, id,
		&cartapi.CheckoutCartParams{Prefer: text("return=representation")}, cartapi.CheckoutCartJSONRequestBody{})
	again := must(http.StatusOK, answer, err)("checkout").JSON200
	equal("order", order.OrderId, again.OrderId)
	equal("no cart", true, order.ShoppingCartId == nil)
	equal("cart", id, *again.ShoppingCartId)
	equal("product", big, (*again.Items)[1].ProductId)
	got, err := client.GetCartWithResponse(ctx, id, nil)
	cart := must(http.StatusOK, got, err)("get").JSON200
	equal("status", cartapi.CheckedOut, cart.Status)
	equal("order", order.OrderId, *cart.OrderId)
	equal("expiry", true, cart.ExpiresAt == nil)
	var one cartapi.AddItems
	equal("body", true, one.FromAddItem(cartapi.AddItem{ProductId: shopIDOf(1), Quantity: 1}) == nil)
	added, err := client.AddItemsWithResponse(ctx, id, nil, one)
	problem("add", 409, "CART_CLOSED", must(409, added, err)("add").ApplicationproblemJSON409)
}

func made(by *cartapi.ClientWithResponses, customer *shopID, quantity int32, attributes *cartapi.NewAttributes) *cartapi.Cart {
	items := []cartapi.AddItem{{ProductId: shopIDOf(7), Quantity: quantity, Attributes: attributes}}
	answer, err := by.CreateCartWithResponse(ctx, &cartapi.CreateCartParams{IdempotencyKey: text(uuid.NewString())},
		cartapi.NewCart{CustomerId: customer, Items: &items})
	return must(http.StatusCreated, answer, err)("create").JSON201
}

func mug() *cartapi.NewAttributes {
	var name, price cartapi.Attribute
	if name.FromAttribute0("Mug") != nil || price.FromAttribute1(1299) != nil {
		panic("cannot make attributes")
	}
	return &cartapi.NewAttributes{"name": name, "price": price}
}

func guestLogsIn() {
	guest, customer := clientOf(os.Getenv("CART_GUEST_TOKEN")), clientOf(os.Getenv("CART_CUSTOMER_TOKEN"))
	ann, other := shopIDOf(77), shopIDOf(78)
	from, own := made(guest, nil, 2, mug()), made(customer, &ann, 3, nil)
	equal("no customer", true, from.CustomerId == nil)
	for range 2 {
		answer, err := customer.MergeCartsWithResponse(ctx, own.ShoppingCartId, nil,
			cartapi.Merge{From: from.ShoppingCartId, Strategy: cartapi.Add})
		merged := must(http.StatusOK, answer, err)("merge").JSON200
		equal("version", 2, merged.Version)
		equal("quantity", int32(5), merged.Items[0].Quantity)
	}
	var one cartapi.AddItems
	equal("body", true, one.FromAddItem(cartapi.AddItem{ProductId: shopIDOf(7), Quantity: 1}) == nil)
	added, err := customer.AddItemsWithResponse(ctx, own.ShoppingCartId, &cartapi.AddItemsParams{Prefer: text("return=representation")}, one)
	kept := *must(http.StatusOK, added, err)("add").JSON200.Items[0].Attributes
	name, errName := kept["name"].AsAttribute0()
	price, errPrice := kept["price"].AsAttribute1()
	equal("attributes", true, errName == nil && errPrice == nil && name == "Mug" && price == 1299)
	got, err := guest.GetCartWithResponse(ctx, from.ShoppingCartId, nil)
	gone := must(http.StatusOK, got, err)("get").JSON200
	equal("status", cartapi.Merged, gone.Status)
	equal("merged into", own.ShoppingCartId, *gone.MergedInto)
	id := made(guest, nil, 1, nil).ShoppingCartId
	claimed, err := customer.ClaimCartWithResponse(ctx, id, nil, cartapi.Claim{CustomerId: ann})
	must(http.StatusNoContent, claimed, err)("claim")
	claimed, err = client.ClaimCartWithResponse(ctx, id, nil, cartapi.Claim{CustomerId: other})
	problem("claim", 409, "CART_OWNED", must(409, claimed, err)("claim").ApplicationproblemJSON409)
	if os.Getenv("CART_TOKEN") == "" {
		return
	}
	got, err = guest.GetCartWithResponse(ctx, id, nil)
	problem("get", 404, "CART_NOT_FOUND", must(404, got, err)("get").ApplicationproblemJSON404)
	got, err = clientOf("").GetCartWithResponse(ctx, id, nil)
	problem("get", 401, "UNAUTHORIZED", must(401, got, err)("get").ApplicationproblemJSON401)
	refused, err := guest.CreateCartWithResponse(ctx, nil, cartapi.NewCart{CustomerId: &ann})
	problem("create", 403, "FORBIDDEN", must(403, refused, err)("create").ApplicationproblemJSON403)
}

func clientOf(token string) *cartapi.ClientWithResponses {
	made, err := cartapi.NewClientWithResponses(os.Args[1], cartapi.WithRequestEditorFn(
		func(_ context.Context, request *http.Request) error {
			if token != "" {
				request.Header.Set("Authorization", "Bearer "+token)
			}
			return nil
		}))
	if err != nil {
		panic(err)
	}
	return made
}

func main() {
	client = clientOf(os.Getenv("CART_TOKEN"))
	cart := create(text("create-1"))
	equal("customer", big, *cart.CustomerId)
	equal("version", 1, cart.Version)
	equal("replay", cart.ShoppingCartId, create(text("create-1")).ShoppingCartId)
	changes(cart.ShoppingCartId)
	lists(cart.ShoppingCartId)
	checkout(cart.ShoppingCartId)
	guestLogsIn()
	live, err := client.LivezWithResponse(ctx)
	equal("livez", "ok", string(must(http.StatusOK, live, err)("livez").JSON200.Status))
	health, err := client.HealthWithResponse(ctx)
	equal("health", "ok", string(must(http.StatusOK, health, err)("health").JSON200.Status))
}
