/** Files on the web, as the port `WebSource` of core: what may be opened, and how much of it, comes from the settings. */
import type { BlockList, LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import type { WebSource } from '@reelfleet/core';
import { refusedAddresses } from './addresses.ts';
import { type Limits, startDownload } from './download.ts';
import { permanent, shownUrl } from './request.ts';

export interface WebOptions extends Partial<Limits> {
  /** Addresses of private networks may be opened too. */
  allowPrivate?: boolean;
  /** For tests: what must not be connected to, instead of the list; how names become addresses. */
  refused?: BlockList;
  lookup?: LookupFunction;
}

const DEFAULTS: Limits = { maxBytes: 50_000_000_000, maxMs: 6 * 60 * 60_000, stallMs: 30_000, waitMs: 500 };

export function openWeb({ allowPrivate = false, refused, lookup, ...limits }: WebOptions = {}): WebSource {
  const all: Limits = { ...DEFAULTS, ...limits };
  const reach = { refused: refused ?? refusedAddresses({ allowPrivate }), lookup, answerMs: all.stallMs };
  return {
    async open(address, { signal, onBytes }) {
      const url = URL.parse(address);
      if (!url) throw permanent(`${JSON.stringify(shownUrl(address))} is no http or https address: give one`);
      const { first, sizeBytes, bytes } = await startDownload(url, all, reach, signal, onBytes);
      return {
        address: shownUrl(url),
        contentType: first.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? null,
        sizeBytes,
        body: Readable.from(bytes(), { objectMode: false }),
      };
    },
  };
}
