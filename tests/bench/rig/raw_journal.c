/* The limit that marks the road: what a plain C program reaches on this machine with the same promise.
 *
 * One thread, epoll; a packet is a 32-bit little-endian length and its bytes. Whatever came in one turn of the loop is
 * appended to one file, fdatasync is called once, then each connection gets one '+' for each of its packets. No session,
 * no checks, no recovery.   raw_journal PORT FILE
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INBOX = 256 << 10, GROUP = 64 << 20, EVENTS = 1024, CONNECTIONS = 16384 };

struct connection {
  int fd, owed;
  size_t filled;
  char inbox[INBOX];
};

static char *group;
static size_t grouped;
static struct connection *owing[CONNECTIONS];
static int owing_count;

static void take(struct connection *c) {
  size_t at = 0;
  uint32_t length;
  while (c->filled - at >= sizeof length) {
    memcpy(&length, c->inbox + at, sizeof length);
    if (c->filled - at < sizeof length + length) break;
    memcpy(group + grouped, c->inbox + at, sizeof length + length);
    grouped += sizeof length + length;
    if (c->owed++ == 0) owing[owing_count++] = c;
    at += sizeof length + length;
  }
  memmove(c->inbox, c->inbox + at, c->filled - at);
  c->filled -= at;
}

static void store(int journal) {
  for (size_t at = 0; at < grouped;) {
    ssize_t n = write(journal, group + at, grouped - at);
    if (n < 0) exit(1);
    at += (size_t)n;
  }
  if (fdatasync(journal)) exit(1);
  grouped = 0;
  static char acks[GROUP / 1000];
  memset(acks, '+', sizeof acks);
  for (int i = 0; i < owing_count; i++) {
    if (write(owing[i]->fd, acks, (size_t)owing[i]->owed) < 0) { /* it has gone */ }
    owing[i]->owed = 0;
  }
  owing_count = 0;
}

int main(int count, char **words) {
  if (count != 3) return 2;
  int journal = open(words[2], O_CREAT | O_WRONLY | O_TRUNC, 0600), on = 1;
  int listening = socket(AF_INET, SOCK_STREAM, 0), loop = epoll_create1(0);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1]))};
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  group = malloc(GROUP);
  if (journal < 0 || !group || bind(listening, (void *)&here, sizeof here) || listen(listening, 4096)) return 1;
  struct epoll_event wanted = {.events = EPOLLIN}, came[EVENTS];
  epoll_ctl(loop, EPOLL_CTL_ADD, listening, &wanted);
  for (;;) {
    int n = epoll_wait(loop, came, EVENTS, -1);
    for (int i = 0; i < n && grouped < GROUP - 2 * INBOX; i++) {
      struct connection *c = came[i].data.ptr;
      if (!c) {
        int fd = accept4(listening, 0, 0, SOCK_NONBLOCK);
        if (fd < 0 || !(c = calloc(1, sizeof *c))) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        c->fd = fd;
        wanted.data.ptr = c;
        epoll_ctl(loop, EPOLL_CTL_ADD, fd, &wanted);
        continue;
      }
      ssize_t got = read(c->fd, c->inbox + c->filled, INBOX - c->filled);
      if (got > 0) {
        c->filled += (size_t)got;
        take(c);
      } else if (got == 0 || errno != EAGAIN) {
        close(c->fd); /* the struct stays: it may still be owed an ack of this turn */
      }
    }
    if (grouped) store(journal);
  }
}
