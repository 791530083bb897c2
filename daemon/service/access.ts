// Who may talk to the daemon: the right token, the daemon's own Host and the daemon's own Origin, for pages, files and the WebSocket alike.
//
// The token keeps out other users of the machine; Host keeps out a foreign name that was pointed at this address (DNS rebinding);
// Origin keeps out pages of other sites that are open in the same browser.
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { networkInterfaces } from 'node:os';

export interface Refusal {
  /** 400 garbled address, 401 no or wrong token, 403 foreign Host or Origin. */
  status: 400 | 401 | 403;
  /** One line that says the cure. */
  reason: string;
}

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]'];
const EVERY_INTERFACE = ['0.0.0.0', '::'];

export class Access {
  private readonly hosts: ReadonlySet<string>;
  private readonly tokenBytes: Buffer;
  /** A cookie belongs to a host name and all its ports, so two daemons side by side need two names. */
  readonly cookieName: string;

  constructor(
    readonly token: string,
    host: string,
    port: number,
  ) {
    this.tokenBytes = Buffer.from(token);
    this.cookieName = `limber-${port}`;
    // Browsers leave out the port where it is HTTP's own.
    this.hosts = new Set(hostNames(host).flatMap(name => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`])));
  }

  /** null: the request is welcome. */
  refusal(request: IncomingMessage): Refusal | null {
    const { host, origin } = request.headers;
    if (host === undefined || !this.hosts.has(host.toLowerCase())) {
      return { status: 403, reason: 'this Host is not the daemon; open the address that it printed (a tunnel must keep the port number)' };
    }
    if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
      return { status: 403, reason: 'pages of another Origin may not use the daemon' };
    }
    const address = parseAddress(request);
    if (address === null) return { status: 400, reason: 'the address cannot be read' };
    if (!this.tokens(request, address).some(token => this.matches(token))) {
      return { status: 401, reason: 'the token is missing or of an earlier start; open the address that the daemon printed' };
    }
    return null;
  }

  /** Whether the address itself carries the token, as that of the first page does. */
  hasTokenInAddress(request: IncomingMessage): boolean {
    const token = parseAddress(request)?.searchParams.get('token');
    return token != null && this.matches(token);
  }

  /** Lets the page's own requests in after its first; no script can read it and no other site can send it. */
  get cookie(): string {
    return `${this.cookieName}=${this.token}; Path=/; HttpOnly; SameSite=Strict`;
  }

  private tokens(request: IncomingMessage, address: URL): string[] {
    const tokens = address.searchParams.getAll('token');
    for (const pair of (request.headers.cookie ?? '').split(';')) {
      const [name, value] = pair.trim().split('=');
      if (name === this.cookieName && value !== undefined) tokens.push(value);
    }
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '');
    if (bearer) tokens.push(bearer[1]);
    return tokens;
  }

  private matches(token: string): boolean {
    const bytes = Buffer.from(token);
    return bytes.length === this.tokenBytes.length && timingSafeEqual(bytes, this.tokenBytes);
  }
}

/** The request's path and query; null where they make no sense. */
export function parseAddress(request: IncomingMessage): URL | null {
  return URL.canParse(request.url ?? '', 'http://daemon') ? new URL(request.url ?? '', 'http://daemon') : null;
}

export function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/** What a Host header may call a daemon bound to `host`. Addresses, unlike names, cannot be pointed elsewhere by a stranger. */
function hostNames(host: string): string[] {
  if (LOOPBACK_NAMES.includes(bracketed(host))) return LOOPBACK_NAMES;
  if (!EVERY_INTERFACE.includes(host)) return [bracketed(host).toLowerCase()];
  const addresses = Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(entry => bracketed(entry.address)));
  return [...LOOPBACK_NAMES, ...addresses];
}
