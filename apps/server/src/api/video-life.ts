/** What is done with a video once it is there, over HTTP: edited, deleted, restored, purged. The files follow by tasks. */
import { z } from 'zod';
import { type Noun, name, refusals } from './route.ts';
import { videoEdited, videoTold } from './schemas.ts';

const tags = ['videos'];
const params = z.strictObject({ video: name.describe('Id or identifier of a video') });

const edit = z.strictObject({
  stateVersion: z
    .number()
    .int()
    .min(1)
    .describe('The version that was read: 409 when the video has another one by now'),
  title: z.string().max(1_000).optional(),
  description: z.string().max(20_000).optional(),
  category: name.nullable().optional().describe('Slug, name or id; null takes it out of its category'),
  addTags: z.array(z.string().max(200)).max(50).optional().describe('Names; new ones are made'),
  removeTags: z.array(z.string().max(200)).max(50).optional().describe('Names or slugs'),
});

const orders = [
  ['restore', 'restoreVideo', 'Bring a deleted video back', 'It is shown again when all of its files are there.'],
  ['purge', 'purgeVideo', 'Remove a deleted video for good', 'Its files first, then the video. This cannot be undone.'],
] as const;

export const videoLife: Noun = (api, { operator }) => {
  api.patch(
    '/api/videos/:video',
    {
      schema: {
        tags,
        operationId: 'editVideo',
        summary: 'Change what a video is called and filed under',
        params,
        body: edit,
        response: { 200: videoEdited, ...refusals(400, 404, 409, 422) },
      },
    },
    ({ params, body: { stateVersion, ...change } }) => operator.videos.edit(params.video, change, stateVersion),
  );

  api.delete(
    '/api/videos/:video',
    {
      schema: {
        tags,
        operationId: 'deleteVideo',
        summary: 'Delete a video',
        description:
          'It is hidden at once and its work is cancelled; its files wait in the archive, from where it can be restored.',
        params,
        response: { 202: videoTold, ...refusals(400, 404, 409) },
      },
    },
    async ({ params }, reply) => reply.code(202).send(await operator.videos.delete(params.video)),
  );

  for (const [verb, operationId, summary, description] of orders) {
    api.post(
      `/api/videos/:video/${verb}`,
      {
        schema: {
          tags,
          operationId,
          summary,
          description,
          params,
          response: { 202: videoTold, ...refusals(400, 404, 409) },
        },
      },
      async ({ params }, reply) => reply.code(202).send(await operator.videos[verb](params.video)),
    );
  }
};
