/** Videos over HTTP: the list, one with its history, and the bytes of its file and of its picture. */
import { isCursor, videoStatuses } from '@reelfleet/catalog';
import { z } from 'zod';
import { bytesOf } from './artifacts.ts';
import { coalesced } from './coalesce.ts';
import { limit, type Noun, name, refusals } from './route.ts';
import { next, video, videoDetails } from './schemas.ts';
import { ASK_AGAIN } from './send-object.ts';

const tags = ['videos'];
const params = z.strictObject({ video: name.describe('Id or identifier of a video') });
/** In an address: `?deleted=true`. */
const flag = z
  .enum(['true', 'false'])
  .transform((word) => word === 'true')
  .optional();
const files = [
  ['content', 'videoContent', 'The bytes of the finished video'],
  ['thumbnail', 'videoThumbnail', 'The picture of a video'],
] as const;

export const videos: Noun = (api, context) => {
  const { operator } = context;
  const read = coalesced();

  api.get(
    '/api/videos',
    {
      schema: {
        tags,
        operationId: 'listVideos',
        summary: 'Videos, newest first',
        querystring: z.strictObject({
          limit,
          category: name.optional().describe('Only those in it: slug, name or id'),
          tag: name.optional().describe('Only those that have it: slug, name or id'),
          status: z.enum(videoStatuses).optional(),
          deleted: flag.describe('Those that are deleted instead of those that are not'),
          cursor: z.string().max(500).refine(isCursor('videos'), 'is none that this list gave').optional(),
        }),
        response: { 200: z.object({ videos: z.array(video), next }), ...refusals(400, 404) },
      },
    },
    ({ query }) => read(JSON.stringify(query), () => operator.videos.ls(query)),
  );

  api.get(
    '/api/videos/:video',
    {
      schema: {
        tags,
        operationId: 'showVideo',
        summary: 'A video and what was done to it',
        params,
        querystring: z.strictObject({ deleted: flag.describe('One that is deleted') }),
        response: { 200: videoDetails, ...refusals(400, 404) },
      },
    },
    ({ params, query }) => operator.videos.show(params.video, query),
  );

  for (const [which, operationId, summary] of files) {
    bytesOf(api, context, `/api/videos/:video/${which}`, {
      tags,
      operationId,
      summary,
      params,
      cacheControl: ASK_AGAIN,
      find: ({ video }) => operator.videos.file(video, which),
    });
  }
};
