/*
 * SQLite's access to its files, with a finger on it: counts the calls, fails the n-th, or holds one
 * up. While installed it is the default VFS.
 */
#ifndef TESTS_LIB_SHIM_VFS_H
#define TESTS_LIB_SHIM_VFS_H

#include <stdbool.h>

enum shim_call {
	SHIM_OPEN,
	SHIM_READ,
	SHIM_WRITE,
	SHIM_TRUNCATE,
	SHIM_SYNC,
	SHIM_SIZE,
	SHIM_LOCK,
	SHIM_SHM_MAP,
	SHIM_SHM_LOCK,
	SHIM_DELETE,
	SHIM_CALLS
};

enum shim_how {
	SHIM_ONCE, /* the n-th call fails, the next ones work */
	SHIM_ON,   /* the n-th call and all after it fail: a dead disk */
	SHIM_TORN, /* as ONCE; a write has written its first half */
	SHIM_DONE, /* as ONCE; a write or sync has been done, and says that it has not */
	SHIM_FULL  /* writes fail with "disk full" from the n-th call on; others work */
};

void shim_install(void);
void shim_remove(void);
/* Counts calls from 1; n is 0: none fails. */
void shim_arm(int n, enum shim_how how);
int shim_calls(void);
/* True once a call has failed. */
bool shim_failed(void);

/* The next sync of a file whose name ends in "-wal" waits until shim_release(). */
void shim_hold_wal_sync(void);
/* Waits until a sync is held. */
void shim_await_held(void);
void shim_release(void);

#endif
