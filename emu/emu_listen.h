/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_listen.h - a socket at a path, for clients of the model.
 */
#ifndef WD_EMU_LISTEN_H
#define WD_EMU_LISTEN_H

/*
 * Listen at @path with a non-blocking socket of @type (SOCK_STREAM,
 * SOCK_SEQPACKET).  A file left behind by a process that is gone is replaced,
 * one that is listened on is not.  Who may connect is what umask leaves.
 * Return: the descriptor, the caller's to close, as the file is to unlink;
 * -ENAMETOOLONG: no path, or too long a one; -EADDRINUSE; another -errno.
 */
int emu_listen(const char *path, int type, int backlog);

#endif
