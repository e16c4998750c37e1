#include "bench/target/client.h"

#include <event2/event.h>

int bench_client_open(struct bench_client *client, struct bench_drive *drive,
		      struct cart_error *error)
{
	*client = (struct bench_client){.base = bench_base_new()};
	if (client->base == NULL)
		return cart_error_set(error, "no memory for an event loop");
	if (bench_drive_loop_open(&client->loop, drive, client->base, error) == 0 &&
	    bench_link_open(&client->link, client->loop, error) == 0)
		return 0;
	bench_client_close(client);
	return -1;
}

static void client_done(struct bench_op *op, void *user)
{
	(void)op;
	*(bool *)user = true;
}

void bench_client_run(struct bench_client *client, struct bench_op *op)
{
	bool done = false;

	op->done = client_done;
	op->user = &done;
	bench_link_submit(client->link, op);
	/* done() comes at the timeout at the latest. */
	while (!done)
		event_base_loop(client->base, EVLOOP_ONCE);
}

void bench_client_close(struct bench_client *client)
{
	bench_link_close(&client->link);
	bench_drive_loop_close(&client->loop);
	if (client->base != NULL)
		event_base_free(client->base);
	client->base = NULL;
}
