/* SPDX-License-Identifier: Apache-2.0 */
/* The private context software runs in: made once, kept, found by any thread,
 * alive after a fork. */
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/provider.h>

#include "base/wd_base.h"
#include "provider/wdp.h"
#include "test/t.h"

#define THREADS 8

static int reason;

static void core_new_error(const OSSL_CORE_HANDLE *h)
{
	(void)h;
}

static void core_vset_error(const OSSL_CORE_HANDLE *h, uint32_t r,
			    const char *fmt, va_list ap)
{
	(void)h;
	(void)fmt;
	(void)ap;
	reason = (int)r;
}

static struct wdp_ctx p;

static void begin(void)
{
	p = (struct wdp_ctx){
		.core = { .new_error = core_new_error,
			  .vset_error = core_vset_error },
	};
	reason = 0;
}

static void it_is_made_at_the_first_use_and_kept(void)
{
	OSSL_LIB_CTX *twin;

	begin();
	T_OK(!p.twin);
	twin = wdp_twin(&p);
	T_OK(twin);
	T_OK(wdp_twin(&p) == twin);
	T_OK(OSSL_PROVIDER_available(twin, "default"));
	wdp_twin_free(&p);
	T_OK(!p.twin && !p.methods);
}

static void a_method_is_fetched_once_whatever_its_case(void)
{
	const EVP_MD *md;

	begin();
	md = wdp_twin_md(&p, "SHA2-256");
	T_OK(md);
	T_OK(wdp_twin_md(&p, "sha2-256") == md);
	T_OK(wdp_twin_md(&p, "SM3") != md);
	T_OK(wdp_twin_cipher(&p, "AES-256-GCM"));
	T_OK(wdp_twin_cipher(&p, "aes-256-gcm") ==
	     wdp_twin_cipher(&p, "AES-256-GCM"));
	T_EQ(reason, 0);
	wdp_twin_free(&p);
}

static void an_unknown_algorithm_is_an_error_and_leaves_nothing(void)
{
	begin();
	T_OK(!wdp_twin_md(&p, "ROT13"));
	T_EQ(reason, WDP_R_NO_TWIN);
	T_OK(!wdp_twin_cipher(&p, "ROT13"));
	T_OK(!p.methods);
	wdp_twin_free(&p);
}

static pthread_barrier_t start;

static void *fetch(void *arg)
{
	static const char *const names[] = { "SHA2-256", "SM3", "SHA1" };
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n;

	(void)arg;
	pthread_barrier_wait(&start);
	for (size_t i = 0; i < 3; i++) {
		const EVP_MD *m = wdp_twin_md(&p, names[i]);

		T_OK(m && EVP_Digest("abc", 3, md, &n, m, NULL));
		T_OK(wdp_twin_md(&p, names[i]));
	}
	return wdp_twin(&p);
}

static void threads_that_come_first_together_share_one(void)
{
	pthread_t t[THREADS];
	void *twin, *first = NULL;

	begin();
	pthread_barrier_init(&start, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		T_EQ(pthread_create(&t[i], NULL, fetch, NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &twin);
		first = first ? first : twin;
		T_OK(twin && twin == first);
	}
	pthread_barrier_destroy(&start);
	wdp_twin_free(&p);
}

static void a_forked_child_uses_and_frees_its_copy(void)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n;
	int status;
	pid_t pid;

	begin();
	T_OK(wdp_twin_md(&p, "SM3"));
	pid = fork();
	if (!pid) {
		int ok = EVP_Digest("abc", 3, md, &n, wdp_twin_md(&p, "SM3"),
				    NULL) &&
			 wdp_twin_md(&p, "SHA1");

		wdp_twin_free(&p);
		_exit(ok ? 0 : 1);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
	wdp_twin_free(&p);
}

T_MAIN(T_CASE(it_is_made_at_the_first_use_and_kept),
       T_CASE(a_method_is_fetched_once_whatever_its_case),
       T_CASE(an_unknown_algorithm_is_an_error_and_leaves_nothing),
       T_CASE(threads_that_come_first_together_share_one),
       T_CASE(a_forked_child_uses_and_frees_its_copy))
