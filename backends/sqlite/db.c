#include "backends/sqlite/db.h"

#include "backends/sqlite/schema.h"
#include "core/embed.h"

int sqlite_db_provision(struct cart_db *base, enum cart_provision how, struct cart_error *error)
{
	struct sqlite_db *db = (struct sqlite_db *)base;

	if (sqlite_schema_provision(db->path, how, embed_sqlite_migrations, error) != 0)
		return -1;
	db->provisioned = true;
	return 0;
}

struct sqlite_writer *sqlite_db_writer(struct sqlite_db *db, struct cart_error *error)
{
	struct sqlite_writer *writer;

	pthread_mutex_lock(&db->lock);
	/* Without provisioning, too, a file that is not ours is not written to. */
	if (db->writer == NULL &&
	    (db->provisioned || sqlite_db_provision(&db->db, CART_PROVISION_CHECK, error) == 0))
		(void)!sqlite_writer_start(&db->writer, &db->config, error);
	writer = db->writer;
	pthread_mutex_unlock(&db->lock);
	return writer;
}
