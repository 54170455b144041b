/** What videos are filed under, over HTTP: categories, and the tags that videos have. */

import { z } from 'zod';
import { type Noun, name, refusals } from './route.ts';
import { category, tag } from './schemas.ts';

const words = {
  name: z.string().max(200).describe('Its slug is made of it'),
  description: z.string().max(10_000),
};
const categoryParams = z.strictObject({ category: name.describe('Slug, name or id of a category') });
const tagParams = z.strictObject({ tag: name.describe('Slug, name or id of a tag') });

export const filing: Noun = (api, { operator }) => {
  api.get(
    '/api/categories',
    {
      schema: {
        tags: ['categories'],
        operationId: 'listCategories',
        summary: 'Categories by name, with how many videos each has',
        response: { 200: z.object({ categories: z.array(category) }) },
      },
    },
    async () => ({ categories: await operator.categories.ls() }),
  );

  api.post(
    '/api/categories',
    {
      schema: {
        tags: ['categories'],
        operationId: 'addCategory',
        summary: 'Make a category',
        body: z.strictObject({ name: words.name, description: words.description.optional() }),
        response: { 201: category, ...refusals(400, 409, 422) },
      },
    },
    async ({ body }, reply) => reply.code(201).send(await operator.categories.add(body)),
  );

  api.patch(
    '/api/categories/:category',
    {
      schema: {
        tags: ['categories'],
        operationId: 'editCategory',
        summary: 'Change the name or the description of a category',
        params: categoryParams,
        body: z.strictObject({ name: words.name.optional(), description: words.description.optional() }),
        response: { 200: category, ...refusals(400, 404, 409, 422) },
      },
    },
    ({ params, body }) => operator.categories.edit(params.category, body),
  );

  api.delete(
    '/api/categories/:category',
    {
      schema: {
        tags: ['categories'],
        operationId: 'removeCategory',
        summary: 'Remove a category; its videos are then in none',
        params: categoryParams,
        response: { 200: category.describe('As it was'), ...refusals(400, 404) },
      },
    },
    ({ params }) => operator.categories.rm(params.category),
  );

  api.get(
    '/api/tags',
    {
      schema: {
        tags: ['tags'],
        operationId: 'listTags',
        summary: 'Tags by name, with how many videos each has',
        description: 'Tags are made by giving them to a video.',
        response: { 200: z.object({ tags: z.array(tag) }) },
      },
    },
    async () => ({ tags: await operator.tags.ls() }),
  );

  api.delete(
    '/api/tags/:tag',
    {
      schema: {
        tags: ['tags'],
        operationId: 'removeTag',
        summary: 'Remove a tag, off all videos too',
        params: tagParams,
        response: { 200: tag.describe('As it was'), ...refusals(400, 404) },
      },
    },
    ({ params }) => operator.tags.rm(params.tag),
  );
};
