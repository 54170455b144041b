/**
 * The audience over HTTP: players say that a playback begins, how far it is and that it ends; operators read what became of
 * them. A browser is known by a random cookie and nothing else: no address is kept, and a browser that asks not to be
 * followed (Sec-GPC) gets no cookie and counts as nobody.
 */
import { randomBytes } from 'node:crypto';
import { audienceOf, beatPlayback, startPlayback, videoByRef } from '@reelfleet/db';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { z } from 'zod';
import { isHttps } from '../access/headers.ts';
import { clientOf } from '../access/throttle.ts';
import { Problem } from '../problem.ts';
import { type Noun, name, refusals, refused } from './route.ts';

const VIEWER_COOKIE = 'reelfleet_viewer';
const A_YEAR = 365 * 24 * 3600;
/** A player says a word every ten seconds; this is twenty of them behind one address. */
const WORDS_A_MINUTE = 120;

const secret = z.string().regex(/^[\w-]{43}$/, 'is none that this server gave');
const seconds = z.number().min(0).max(1e7);
const said = {
  session: secret.describe('From the answer to `start`'),
  watchedSeconds: seconds.describe('Seconds that were played so far, each time they were'),
  positionSeconds: seconds.describe('The furthest that was seen'),
  quality: z
    .string()
    .regex(/^\d{1,5}p$/, 'is like 720p')
    .nullish()
    .describe('The quality that was seen most'),
};
const word = z.discriminatedUnion('event', [
  z.strictObject({ event: z.literal('start'), video: name.describe('Id or identifier of a video') }),
  z.strictObject({ event: z.literal('heartbeat'), ...said }),
  z.strictObject({ event: z.literal('end'), ...said }),
]);

const overview = z
  .object({
    totalViews: z.number().int(),
    uniqueViewers: z.number().int().describe('Browsers that let themselves be counted'),
    watchHours: z.number(),
    completionRate: z
      .number()
      .nullable()
      .describe('Share of views that reached nine tenths; null before the first view'),
    furthestSeconds: z.number().nullable(),
    byQuality: z.array(z.object({ quality: z.string().nullable(), views: z.number().int() })),
  })
  .meta({ id: 'Audience' });

export const playback: Noun = (api, { db, reads }) => {
  const limiter = new RateLimiterMemory({ points: WORDS_A_MINUTE, duration: 60 });

  async function bounded({ ip }: FastifyRequest): Promise<void> {
    // What it rejects with is how long to wait; anything else is a fault of its own.
    const spent = await limiter.consume(clientOf(ip)).then(
      () => null,
      (refusal: unknown) => refusal,
    );
    if (spent === null) return;
    const wait = (spent as { msBeforeNext?: number }).msBeforeNext;
    if (wait === undefined) throw spent;
    throw new Problem(429, 'too many words about playbacks from this address: say one every ten seconds', {
      headers: { 'retry-after': String(Math.ceil(wait / 1000)) },
    });
  }
  async function idOf(ref: string): Promise<string> {
    const video = await videoByRef(reads, ref.trim());
    if (video === null) throw new Problem(404, `there is no video "${ref}"`);
    return video.id;
  }

  api.post(
    '/api/playback',
    {
      schema: {
        tags: ['audience'],
        operationId: 'playback',
        summary: 'What a player says: a playback begins, goes on, has ended',
        body: word,
        response: {
          200: z.object({ session: secret }).describe('The playback; say the next word about it in ten seconds'),
          ...refusals(400, 404),
          429: refused('Too many words from one address; Retry-After says when to go on'),
        },
      },
    },
    async (request, reply) => {
      await bounded(request);
      const { body } = request;
      if (body.event === 'start') {
        const session = randomBytes(32).toString('base64url');
        const videoId = await idOf(body.video);
        const viewer = viewerOf(request, reply as unknown as FastifyReply);
        if (!(await startPlayback(db, { token: session, videoId, viewer })))
          throw new Problem(404, `there is no video "${body.video}"`);
        return { session };
      }
      const { event, session, watchedSeconds, positionSeconds, quality } = body;
      const ended = event === 'end';
      if (!(await beatPlayback(db, session, { watchedSeconds, positionSeconds, quality: quality ?? null, ended })))
        throw new Problem(404, 'there is no such playback: begin with {"event": "start", "video": …}');
      return { session };
    },
  );

  const answer = { 200: overview };
  api.get(
    '/api/analytics',
    {
      schema: {
        tags: ['audience'],
        operationId: 'audience',
        summary: 'Views, viewers and hours of all videos',
        response: answer,
      },
    },
    () => audienceOf(reads, null),
  );
  api.get(
    '/api/videos/:video/analytics',
    {
      schema: {
        tags: ['audience'],
        operationId: 'videoAudience',
        summary: 'Views, viewers and hours of a video',
        params: z.strictObject({ video: name.describe('Id or identifier of a video') }),
        response: { ...answer, ...refusals(400, 404) },
      },
    },
    async ({ params }) => audienceOf(reads, await idOf(params.video)),
  );
};

/** The cookie of this browser, given now when it has none; null for one that asks not to be followed. */
function viewerOf(request: FastifyRequest, reply: FastifyReply): string | null {
  if (request.headers['sec-gpc'] === '1') return null;
  const known = secret.safeParse(request.cookies[VIEWER_COOKIE]);
  const viewer = known.success ? known.data : randomBytes(32).toString('base64url');
  reply.setCookie(VIEWER_COOKIE, viewer, {
    path: '/api/playback',
    httpOnly: true,
    sameSite: 'strict',
    secure: isHttps(request),
    maxAge: A_YEAR,
  });
  return viewer;
}
