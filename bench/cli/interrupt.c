#include "bench/cli/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_bool interrupt_came;
static int interrupt_pipe[2] = {-1, -1};

static void interrupt_take(int signal_number)
{
	(void)signal_number;
	atomic_store(&interrupt_came, true);
	if (write(interrupt_pipe[1], "", 1) < 0)
		return; /* the pipe is full: the waiting thread wakes up anyway */
}

void bench_interrupt_catch(void)
{
	struct sigaction action = {.sa_handler = interrupt_take,
				   .sa_flags = SA_RESTART | (int)SA_RESETHAND};

	if (interrupt_pipe[0] < 0 && pipe2(interrupt_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		return; /* without the pipe Ctrl-C ends the program, as by default */
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool bench_interrupted(void)
{
	return atomic_load(&interrupt_came);
}

bool bench_interrupt_wait(int64_t ms)
{
	struct pollfd polled = {.fd = interrupt_pipe[0], .events = POLLIN};

	if (!bench_interrupted() && ms > 0)
		poll(&polled, interrupt_pipe[0] >= 0 ? 1 : 0, (int)ms);
	return bench_interrupted();
}
