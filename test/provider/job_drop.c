/* SPDX-License-Identifier: Apache-2.0 */
#include "test/provider/job_drop.h"

#include <poll.h>

#include <openssl/async.h>

#include "test/t.h"

struct job {
	int (*run)(void *arg);
	void *arg;
};

static int job(void *arg)
{
	const struct job *j = arg;

	return j->run(j->arg);
}

int job_paused(int (*run)(void *arg), void *arg, int drop_at,
	       void (*ready)(void))
{
	struct job what = { run, arg };
	ASYNC_WAIT_CTX *wait = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;
	int ret = -1, rc, pauses = 0;

	while ((rc = ASYNC_start_job(&j, wait, &ret, job, &what,
				     sizeof(what))) == ASYNC_PAUSE) {
		struct pollfd p = { .events = POLLIN };
		size_t n = 1;

		if (++pauses == drop_at) {
			if (ready)
				ready();
			break;
		}
		T_EQ(ASYNC_WAIT_CTX_get_all_fds(wait, &p.fd, &n), 1);
		T_EQ(poll(&p, 1, 20000), 1);
	}
	if (rc == ASYNC_FINISH)
		T_EQ(ret, 1);
	ASYNC_WAIT_CTX_free(wait);
	return pauses;
}
