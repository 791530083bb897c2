// Where the daemon is, from the page's own URL: its socket and its files, with the token.

export interface DaemonAddress {
  /** ws://… of the socket. */
  socket: string;
  /** A path below the daemon's origin → the URL to fetch it from. */
  file(path: string): string;
}

/** `page` is the page's URL, `/?token=…`. */
export function daemonAddress(page: string, socketPath: string): DaemonAddress {
  const { origin, searchParams } = new URL(page);
  const token = searchParams.get('token');
  const withToken = (path: string) => {
    const url = new URL(path, origin);
    if (token !== null) url.searchParams.set('token', token);
    return url;
  };
  const socket = withToken(socketPath);
  socket.protocol = socket.protocol === 'https:' ? 'wss:' : 'ws:';
  return { socket: socket.href, file: path => withToken(path).href };
}
