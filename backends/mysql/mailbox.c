/*
 * How answers come to a loop: a list of answered asks, and a wake that is sent when the list was
 * empty. An ask is in one place at a time: in its role's queue, with a helper, or here; where
 * it is, its mailbox can find it to forget it.
 */
#include "backends/mysql/connector_internal.h"
#include "core/base/wake.h"

#include <stdlib.h>

struct sql_mailbox {
	struct sql_connector *connector;
	struct wake *wake;
	struct sql_ask_list done; /* under the connector's lock */
};

void sql_ask_list_init(struct sql_ask_list *list)
{
	list->head = NULL;
	list->tail = &list->head;
}

void sql_ask_list_append(struct sql_ask_list *list, struct sql_ask *ask)
{
	ask->held.next = NULL;
	*list->tail = ask;
	list->tail = &ask->held.next;
}

void sql_ask_list_prepend(struct sql_ask_list *list, struct sql_ask *ask)
{
	ask->held.next = list->head;
	if (list->head == NULL)
		list->tail = &ask->held.next;
	list->head = ask;
}

struct sql_ask *sql_ask_list_take(struct sql_ask_list *list)
{
	struct sql_ask *ask = list->head;

	if (ask != NULL && (list->head = ask->held.next) == NULL)
		list->tail = &list->head;
	return ask;
}

static void mailbox_drop(struct sql_ask_list *list, const struct sql_mailbox *mailbox)
{
	list->tail = &list->head;
	for (struct sql_ask *ask = list->head; ask != NULL; ask = ask->held.next) {
		if (ask->held.mailbox == mailbox)
			continue;
		*list->tail = ask;
		list->tail = &ask->held.next;
	}
	*list->tail = NULL;
}

void sql_mailbox_put(struct sql_ask *ask)
{
	struct sql_mailbox *mailbox = ask->held.mailbox;

	if (mailbox->done.head == NULL)
		wake_send(mailbox->wake);
	sql_ask_list_append(&mailbox->done, ask);
}

static void mailbox_deliver(void *user)
{
	struct sql_mailbox *mailbox = user;
	struct sql_connector *c = mailbox->connector;
	struct sql_ask *ask;

	do {
		pthread_mutex_lock(&c->lock);
		ask = sql_ask_list_take(&mailbox->done);
		pthread_mutex_unlock(&c->lock);
		if (ask != NULL)
			ask->done(ask);
	} while (ask != NULL);
}

struct sql_mailbox *sql_mailbox_new(struct sql_connector *connector, struct event_base *base)
{
	struct sql_mailbox *mailbox = calloc(1, sizeof(*mailbox));

	if (mailbox == NULL)
		return NULL;
	mailbox->connector = connector;
	sql_ask_list_init(&mailbox->done);
	mailbox->wake = wake_new(base, mailbox_deliver, mailbox);
	if (mailbox->wake == NULL)
		sql_mailbox_free(&mailbox);
	return mailbox;
}

void sql_mailbox_free(struct sql_mailbox **mailbox)
{
	struct sql_mailbox *m = *mailbox;
	struct sql_connector *c;
	struct sql_ask *ask;

	*mailbox = NULL;
	if (m == NULL)
		return;
	c = m->connector;
	pthread_mutex_lock(&c->lock);
	mailbox_drop(&c->asks[SQL_WRITER], m);
	mailbox_drop(&c->asks[SQL_READER], m);
	for (size_t i = 0; i < SQL_CONNECTING_THREADS; i++) {
		ask = c->helpers[i].ask;
		if (ask != NULL && ask->held.mailbox == m)
			c->helpers[i].ask = NULL;
	}
	pthread_mutex_unlock(&c->lock);
	/* Nobody else knows it any more. */
	while ((ask = sql_ask_list_take(&m->done)) != NULL)
		sql_connector_close(c, ask->link.mysql);
	wake_free(&m->wake);
	free(m);
}

void sql_connector_ask(struct sql_mailbox *mailbox, struct sql_ask *ask)
{
	struct sql_connector *c = mailbox->connector;

	ask->link = (struct sql_link){0};
	ask->error.text[0] = '\0';
	ask->retry_ns = 0;
	ask->held.mailbox = mailbox;
	ask->held.tries = 0;
	pthread_mutex_lock(&c->lock);
	sql_ask_list_append(&c->asks[ask->role], ask);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}
