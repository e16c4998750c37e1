#include "bench/target/client.h"

#include "bench/target/base.h"

int bench_client_open(struct bench_client *client, struct bench_drive *drive,
		      struct cart_error *error)
{
	*client = (struct bench_client){.base = bench_base_new()};
	if (bench_drive_loop_open(&client->loop, drive, client->base, error) != 0) {
		bench_client_close(client);
		return -1;
	}
	client->link = bench_link_open(client->loop);
	return 0;
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
