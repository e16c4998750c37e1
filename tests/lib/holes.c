#include "tests/lib/holes.h"

#include "tests/lib/cmocka.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static struct hole hole_bind(struct sockaddr_in *address)
{
	socklen_t len = sizeof(*address);
	struct hole hole = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .filler = -1};

	*address = (struct sockaddr_in){.sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(bind(hole.fd, (struct sockaddr *)address, len), 0);
	assert_int_equal(getsockname(hole.fd, (struct sockaddr *)address, &len), 0);
	hole.port = ntohs(address->sin_port);
	return hole;
}

struct hole hole_refusing(void)
{
	struct sockaddr_in address;

	return hole_bind(&address);
}

struct hole hole_silent(void)
{
	struct sockaddr_in address;
	struct hole hole = hole_bind(&address);

	assert_int_equal(listen(hole.fd, 64), 0);
	return hole;
}

struct hole hole_black(void)
{
	struct sockaddr_in address;
	struct hole hole = hole_bind(&address);

	/* One connection fills a queue of length nought. */
	assert_int_equal(listen(hole.fd, 0), 0);
	hole.filler = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(hole.filler, (struct sockaddr *)&address, sizeof(address)), 0);
	return hole;
}

void hole_free(struct hole *hole)
{
	if (hole->filler >= 0)
		close(hole->filler);
	close(hole->fd);
	*hole = (struct hole){.fd = -1, .filler = -1};
}
