/**
 * What pages of other sites may play. Only what a player loads (playlists, segments, captions, pictures): never a source,
 * a transcript or a log. On a server without a password they need the file's key, which nobody guesses; with a password
 * they need a link (links.ts), because no browser sends our session along from another site. docs/adr/0014 says why.
 */
import type { ArtifactDetails } from '@reelfleet/catalog';
import type { FastifyRequest } from 'fastify';
import { refuseStrangers } from '../access/guard.ts';

const KINDS: ReadonlySet<string> = new Set(['manifest', 'rendition', 'segment', 'captions', 'thumbnail']);

/** What a player loads of a video. */
export const isPlayable = ({ kind }: Pick<ArtifactDetails, 'kind'>): boolean => KINDS.has(kind);

/** Whoever asks may read it, without any credentials. */
export const FOR_EVERY_SITE: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'accept-ranges, content-length, content-range, etag',
  'cross-origin-resource-policy': 'cross-origin',
  'timing-allow-origin': '*',
};

/** The headers with which this request gets this file by its key. Throws 403 when it may not have it. */
export function admitPlayer(request: FastifyRequest, file: ArtifactDetails): Readonly<Record<string, string>> {
  if (request.admittedBy === 'nobody-asks' && isPlayable(file)) return FOR_EVERY_SITE;
  refuseStrangers(request);
  return {};
}
