/**
 * Streams over HTTP: from the name of a video to its master playlist, a link for players elsewhere, and the files behind
 * such a link. The files of a stream lie side by side in the store and name each other by relative addresses, so whatever
 * the first address begins with, the others begin with too: `/files/` or `/streams/<token>/`.
 */
import { filePath } from '@reelfleet/catalog';
import { z } from 'zod';
import { refuseStrangers } from '../access/guard.ts';
import { Problem } from '../problem.ts';
import { bytesOf } from './artifacts.ts';
import { key } from './files.ts';
import { knownFiles } from './known-files.ts';
import { openLinks } from './links.ts';
import { FOR_EVERY_SITE, isPlayable } from './playable.ts';
import { type Api, type Noun, name, refusals } from './route.ts';
import { ASK_AGAIN } from './send-object.ts';

const tags = ['videos'];
const params = z.strictObject({ video: name.describe('Id or identifier of a video') });
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

export const streams: Noun = async (api, context) => {
  const { operator, storage, access } = context;
  const links = await openLinks(access.password);
  const find = knownFiles(operator);

  for (const method of ['GET', 'HEAD'] as const) {
    api.route({
      method,
      url: '/api/videos/:video/stream',
      exposeHeadRoute: false,
      config: { anySite: true },
      schema: {
        tags,
        operationId: 'videoStream',
        summary: 'To the master playlist of its stream (HLS)',
        description: 'What it leads to may change when the video is made anew; the playlists and segments never do.',
        params,
        response: { 302: z.undefined().describe('To the playlist, under /files/'), ...refusals(400, 404) },
        ...(method === 'HEAD' ? { hide: true } : {}),
      },
      handler: async (request, reply) => {
        const { video } = request.params as z.output<typeof params>;
        // An id is not to be guessed, so a page of another site that knows it was told; a name might be guessed.
        const told = request.admittedBy === 'nobody-asks' && UUID.test(video);
        if (!told) refuseStrangers(request);
        const { uri } = await operator.videos.file(video, 'stream');
        reply.headers({ 'cache-control': ASK_AGAIN, ...(told ? FOR_EVERY_SITE : {}) });
        return (reply as unknown as { redirect(url: string, code: number): never }).redirect(
          filePath(storage.keyOf(uri)),
          302,
        );
      },
    });
  }

  api.get(
    '/api/videos/:video/stream/link',
    {
      schema: {
        tags,
        operationId: 'videoStreamLink',
        summary: 'An address of its stream for players that bring no password',
        description:
          'Whoever has it can play the stream, from any site, until it expires; another password ends all links at once.',
        params,
        response: { 200: z.object({ url: z.string(), expiresAt: z.iso.datetime() }), ...refusals(400, 404) },
      },
    },
    async ({ params }) => {
      const { uri } = await operator.videos.file(params.video, 'stream');
      const path = filePath(storage.keyOf(uri));
      const link = links.issue(storage.keyOf(uri), Date.now());
      if (link === null)
        throw new Problem(404, `the stream of video "${params.video}" belongs to no run: play ${path}`);
      return { url: path.replace('/files/', `/streams/${link.token}/`), expiresAt: link.expiresAt.toISOString() };
    },
  );

  linkedFiles(api, context, find, links);
};

/** Behind a link: no password, any site, until it expires. */
function linkedFiles(
  api: Api,
  context: Parameters<Noun>[1],
  find: ReturnType<typeof knownFiles>,
  links: Awaited<ReturnType<typeof openLinks>>,
): void {
  bytesOf(api, context, '/streams/:token/*', {
    tags,
    operationId: 'linkedFile',
    summary: 'A file of a stream, by a link that expires',
    params: z.strictObject({ token: z.string().max(60).describe('From the link'), '*': key }),
    config: { open: true, anySite: true },
    async find({ token, '*': key }) {
      if (links.secondsLeft(token, key, Date.now()) === 0) throw notGood();
      const file = await find(key);
      if (!isPlayable(file)) throw notGood();
      return file;
    },
    cacheControl: '',
    admit(request) {
      const { token, '*': key } = request.params as { token: string; '*': string };
      const seconds = links.secondsLeft(token, key, Date.now());
      return { ...FOR_EVERY_SITE, 'cache-control': `public, max-age=${seconds}, immutable` };
    },
  });
}

const notGood = () =>
  new Problem(403, 'this link is no longer good, or never was: ask for a new one at /api/videos/VIDEO/stream/link');
