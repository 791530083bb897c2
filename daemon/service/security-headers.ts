// Headers that confine the page: only its own scripts, no contact with any other server, no frame around it.
import type { RequestHandler } from 'express';

/**
 * Mol* sets styles in elements, shows images and starts workers from blobs, and its movie encoder is WebAssembly; it needs no eval.
 * Some browsers do not count ws: under 'self', so the socket's address is named too.
 */
function contentPolicy(host: string): string {
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "media-src 'self' data: blob:",
    "font-src 'self' data:",
    `connect-src 'self' ws://${host} data: blob:`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

export const securityHeaders: RequestHandler = (request, response, next) => {
  // A Host that could break out of the policy is refused by the access check; it is not echoed here.
  const host = /^[\w.:[\]-]+$/.test(request.headers.host ?? '') ? (request.headers.host as string) : 'localhost';
  response.set({
    'Content-Security-Policy': contentPolicy(host),
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  });
  next();
};
