#include "backends/sqlite/db.h"

#include "backends/sqlite/schema.h"
#include "core/embed.h"

static int db_provision(struct sqlite_db *db, enum cart_provision how, struct cart_error *error)
{
	int result = sqlite_schema_provision(db->path, how, embed_sqlite_migrations, error);

	db->provisioned = result == 0;
	return result;
}

enum cart_provisioned sqlite_db_provision(struct cart_db *base,
					  const struct cart_provision_try *attempt,
					  struct cart_error *error)
{
	switch (db_provision((struct sqlite_db *)base, attempt->how, error)) {
	case 0:
		return CART_PROVISIONED;
	case SQLITE_SCHEMA_LOCKED:
		return CART_PROVISION_UNREACHED;
	default:
		return CART_PROVISION_REFUSED;
	}
}

struct sqlite_writer *sqlite_db_writer(struct sqlite_db *db, struct cart_error *error)
{
	struct sqlite_writer *writer;

	pthread_mutex_lock(&db->lock);
	/* Without provisioning, too, a file that is not ours is not written to. */
	if (db->writer == NULL &&
	    (db->provisioned || db_provision(db, CART_PROVISION_CHECK, error) == 0))
		(void)!sqlite_writer_start(&db->writer, &db->config, error);
	writer = db->writer;
	pthread_mutex_unlock(&db->lock);
	return writer;
}
