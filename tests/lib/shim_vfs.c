#include "tests/lib/shim_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <string.h>

struct shim_file {
	sqlite3_file file; /* first */
	bool wal;
	sqlite3_file *real; /* behind this struct */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	int calls, n;
	_Atomic enum shim_how how; /* also read without the lock */
	bool failed, hold, held;
} shim = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static const int shim_codes[SHIM_CALLS] = {
	[SHIM_OPEN] = SQLITE_CANTOPEN,		[SHIM_READ] = SQLITE_IOERR_READ,
	[SHIM_WRITE] = SQLITE_IOERR_WRITE,	[SHIM_TRUNCATE] = SQLITE_IOERR_TRUNCATE,
	[SHIM_SYNC] = SQLITE_IOERR_FSYNC,	[SHIM_SIZE] = SQLITE_IOERR_FSTAT,
	[SHIM_LOCK] = SQLITE_IOERR_LOCK,	[SHIM_SHM_MAP] = SQLITE_IOERR_SHMMAP,
	[SHIM_SHM_LOCK] = SQLITE_IOERR_SHMLOCK, [SHIM_DELETE] = SQLITE_IOERR_DELETE,
};

/* SQLITE_OK: go on. */
static int shim_gate(enum shim_call call)
{
	int rc = SQLITE_OK;

	pthread_mutex_lock(&shim.lock);
	shim.calls++;
	if (shim.n > 0 && (shim.how == SHIM_ON || shim.how == SHIM_FULL ? shim.calls >= shim.n
									: shim.calls == shim.n)) {
		if (shim.how != SHIM_FULL)
			rc = shim_codes[call];
		else if (call == SHIM_WRITE)
			rc = SQLITE_FULL;
		shim.failed = shim.failed || rc != SQLITE_OK;
	}
	pthread_mutex_unlock(&shim.lock);
	return rc;
}

static void shim_wait_held(const struct shim_file *f)
{
	pthread_mutex_lock(&shim.lock);
	if (f->wal && shim.hold) {
		shim.held = true;
		pthread_cond_broadcast(&shim.changed);
		while (shim.hold)
			pthread_cond_wait(&shim.changed, &shim.lock);
		shim.held = false;
	}
	pthread_mutex_unlock(&shim.lock);
}

static sqlite3_file *shim_real(sqlite3_file *file)
{
	return ((struct shim_file *)file)->real;
}

static int shim_close(sqlite3_file *file)
{
	sqlite3_file *real = shim_real(file);

	return real->pMethods->xClose(real);
}

static int shim_read(sqlite3_file *file, void *data, int len, sqlite3_int64 at)
{
	sqlite3_file *real = shim_real(file);
	int rc = shim_gate(SHIM_READ);

	return rc != SQLITE_OK ? rc : real->pMethods->xRead(real, data, len, at);
}

static int shim_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
	sqlite3_file *real = shim_real(file);
	int rc = shim_gate(SHIM_WRITE);

	if (rc != SQLITE_OK && shim.how == SHIM_TORN)
		(void)real->pMethods->xWrite(real, data, len / 2, at);
	if (rc != SQLITE_OK && shim.how == SHIM_DONE)
		(void)real->pMethods->xWrite(real, data, len, at);
	return rc != SQLITE_OK ? rc : real->pMethods->xWrite(real, data, len, at);
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	sqlite3_file *real = shim_real(file);
	int rc = shim_gate(SHIM_TRUNCATE);

	return rc != SQLITE_OK ? rc : real->pMethods->xTruncate(real, size);
}

static int shim_sync(sqlite3_file *file, int flags)
{
	sqlite3_file *real = shim_real(file);
	int rc = shim_gate(SHIM_SYNC);

	shim_wait_held((struct shim_file *)file);
	if (rc != SQLITE_OK && shim.how == SHIM_DONE)
		(void)real->pMethods->xSync(real, flags);
	return rc != SQLITE_OK ? rc : real->pMethods->xSync(real, flags);
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *size)
{
	sqlite3_file *real = shim_real(file);
	int rc = shim_gate(SHIM_SIZE);

	return rc != SQLITE_OK ? rc : real->pMethods->xFileSize(real, size);
}

static int shim_lock(sqlite3_file *file, int level)
{
	sqlite3_file *real = shim_real(file);
	int rc = shim_gate(SHIM_LOCK);

	return rc != SQLITE_OK ? rc : real->pMethods->xLock(real, level);
}

static int shim_unlock(sqlite3_file *file, int level)
{
	sqlite3_file *real = shim_real(file);

	return real->pMethods->xUnlock(real, level);
}

static int shim_reserved(sqlite3_file *file, int *result)
{
	sqlite3_file *real = shim_real(file);

	return real->pMethods->xCheckReservedLock(real, result);
}

static int shim_control(sqlite3_file *file, int op, void *arg)
{
	sqlite3_file *real = shim_real(file);

	return real->pMethods->xFileControl(real, op, arg);
}

static int shim_sector(sqlite3_file *file)
{
	sqlite3_file *real = shim_real(file);

	return real->pMethods->xSectorSize(real);
}

static int shim_characteristics(sqlite3_file *file)
{
	sqlite3_file *real = shim_real(file);

	return real->pMethods->xDeviceCharacteristics(real);
}

static int shim_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
	sqlite3_file *real = shim_real(file);
	int rc = shim_gate(SHIM_SHM_MAP);

	*out = NULL;
	return rc != SQLITE_OK ? rc : real->pMethods->xShmMap(real, page, size, extend, out);
}

static int shim_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	sqlite3_file *real = shim_real(file);
	/* Giving up a lock does not fail. */
	int rc = (flags & SQLITE_SHM_LOCK) != 0 ? shim_gate(SHIM_SHM_LOCK) : SQLITE_OK;

	return rc != SQLITE_OK ? rc : real->pMethods->xShmLock(real, offset, n, flags);
}

static void shim_shm_barrier(sqlite3_file *file)
{
	sqlite3_file *real = shim_real(file);

	real->pMethods->xShmBarrier(real);
}

static int shim_shm_unmap(sqlite3_file *file, int remove)
{
	sqlite3_file *real = shim_real(file);

	return real->pMethods->xShmUnmap(real, remove);
}

static const sqlite3_io_methods shim_methods = {
	.iVersion = 2,
	.xClose = shim_close,
	.xRead = shim_read,
	.xWrite = shim_write,
	.xTruncate = shim_truncate,
	.xSync = shim_sync,
	.xFileSize = shim_size,
	.xLock = shim_lock,
	.xUnlock = shim_unlock,
	.xCheckReservedLock = shim_reserved,
	.xFileControl = shim_control,
	.xSectorSize = shim_sector,
	.xDeviceCharacteristics = shim_characteristics,
	.xShmMap = shim_shm_map,
	.xShmLock = shim_shm_lock,
	.xShmBarrier = shim_shm_barrier,
	.xShmUnmap = shim_shm_unmap,
};

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
		     int *out_flags)
{
	struct shim_file *f = (struct shim_file *)file;
	int rc = shim_gate(SHIM_OPEN);

	(void)vfs;
	memset(f, 0, sizeof(*f));
	f->real = (sqlite3_file *)(f + 1);
	f->real->pMethods = NULL;
	f->wal = (flags & SQLITE_OPEN_WAL) != 0;
	if (rc == SQLITE_OK)
		rc = shim.real->xOpen(shim.real, name, f->real, flags, out_flags);
	if (f->real->pMethods != NULL)
		f->file.pMethods = &shim_methods;
	return rc;
}

static int shim_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
	int rc = shim_gate(SHIM_DELETE);

	(void)vfs;
	return rc != SQLITE_OK ? rc : shim.real->xDelete(shim.real, name, sync_folder);
}

void shim_install(void)
{
	shim.real = sqlite3_vfs_find(NULL);
	shim.vfs = *shim.real;
	shim.vfs.zName = "shim";
	shim.vfs.szOsFile = (int)sizeof(struct shim_file) + shim.real->szOsFile;
	shim.vfs.xOpen = shim_open;
	shim.vfs.xDelete = shim_delete;
	shim_arm(0, SHIM_ONCE);
	sqlite3_vfs_register(&shim.vfs, 1);
}

void shim_remove(void)
{
	sqlite3_vfs_unregister(&shim.vfs);
	sqlite3_vfs_register(shim.real, 1);
}

void shim_arm(int n, enum shim_how how)
{
	pthread_mutex_lock(&shim.lock);
	shim.calls = 0;
	shim.n = n;
	shim.how = how;
	shim.failed = false;
	pthread_mutex_unlock(&shim.lock);
}

int shim_calls(void)
{
	int calls;

	pthread_mutex_lock(&shim.lock);
	calls = shim.calls;
	pthread_mutex_unlock(&shim.lock);
	return calls;
}

bool shim_failed(void)
{
	bool failed;

	pthread_mutex_lock(&shim.lock);
	failed = shim.failed;
	pthread_mutex_unlock(&shim.lock);
	return failed;
}

void shim_hold_wal_sync(void)
{
	pthread_mutex_lock(&shim.lock);
	shim.hold = true;
	pthread_mutex_unlock(&shim.lock);
}

void shim_await_held(void)
{
	pthread_mutex_lock(&shim.lock);
	while (!shim.held)
		pthread_cond_wait(&shim.changed, &shim.lock);
	pthread_mutex_unlock(&shim.lock);
}

void shim_release(void)
{
	pthread_mutex_lock(&shim.lock);
	shim.hold = false;
	pthread_cond_broadcast(&shim.changed);
	pthread_mutex_unlock(&shim.lock);
}
