import { isIP } from 'node:net';
import type { NextFunction, Request, Response } from 'express';
import { ToolturnError } from '../core/errors';

export interface OriginPolicy {
  /** Names of this service beside its addresses and names without a dot. */
  readonly hosts: readonly string[];
  /** Web pages that may ask, as `https://name:port`, beside those of this machine. */
  readonly origins: readonly string[];
}

/**
 * Refuses what a web page could make a browser send (DNS rebinding; MCP specification, transports). An attack of that
 * kind needs a public name, so a `Host` must be an address, a name of this machine or of the local network without a
 * dot, or one that is configured; an `Origin`, which only browsers send, must be of this machine or configured.
 * `section` names the settings in what a person reads.
 */
export function checkOrigin({ hosts, origins }: OriginPolicy, section = 'toolturn.mcp') {
  const names = new Set(hosts.map((host) => host.toLowerCase()));
  const pages = new Set(origins.map((origin) => origin.toLowerCase()));
  return (req: Request, _res: Response, next: NextFunction): void => {
    const host = nameIn(`http://${req.headers.host ?? ''}`);
    if (host === undefined || !(isLocalName(host) || names.has(host)))
      throw new ToolturnError(
        'unauthorized',
        `The Host header is none of this service: add the name to ${section}.hosts.`,
        { status: 403 },
      );
    const origin = req.headers.origin;
    if (origin !== undefined && !isOwnPage(origin) && !pages.has(origin.toLowerCase()))
      throw new ToolturnError(
        'unauthorized',
        `Requests of this web page are refused: add its origin to ${section}.origins.`,
        { status: 403 },
      );
    next();
  };
}

function isLocalName(host: string): boolean {
  return isAddress(host) || !host.includes('.') || host.endsWith('.localhost');
}

function isAddress(host: string): boolean {
  return isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

function isOwnPage(origin: string): boolean {
  const host = nameIn(origin);
  return host !== undefined && (host === 'localhost' || host === '127.0.0.1' || host === '[::1]');
}

function nameIn(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname.toLowerCase() : undefined;
}
