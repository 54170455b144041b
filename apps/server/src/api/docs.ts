/**
 * The API described: an OpenAPI 3.1 document made of the routes' own schemas, and a page to read and try it, with every
 * file of it from this server. Collects the routes that are declared after it.
 */
import { readFile } from 'node:fs/promises';
import { STATUS_CODES } from 'node:http';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { webRoot } from '@reelfleet/web';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { OpenAPIV3_1 } from 'openapi-types';
import { contentSecurity } from '../access/content-security.ts';
import { SESSION_COOKIE } from '../access/session.ts';
import type { ServerPart } from '../context.ts';

type Document = OpenAPIV3_1.Document;

const DESCRIPTION = `Everything an operator does to the fleet, over HTTP.

Lists answer \`next\`: send it as \`cursor\` for the next page. Errors are problem documents (RFC 9457) whose \`detail\` is one
sentence. Times are ISO-8601 in UTC. With a password, programs use HTTP Basic (any user name) and browsers a session.`;

const tags = [
  ['runs', 'Passes of a pipeline'],
  ['tasks', 'Stages of a run'],
  ['workers', 'Who does the work'],
  ['stages', 'Kinds of work'],
  ['artifacts', 'Stored files'],
  ['videos', 'What the fleet makes'],
  ['moments', 'What is said in videos, their moments and the clips of these'],
  ['categories', 'What videos are filed under, one each'],
  ['tags', 'The words that videos have'],
  ['audience', 'Who watched what'],
  ['server', 'The server itself'],
].map(([name, description]) => ({ name: name as string, description: description as string }));

const problemContent = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
/** What any route may answer. */
const shared: Record<string, OpenAPIV3_1.ResponseObject> = {
  '401': { description: 'Credentials are missing or wrong', content: problemContent },
  '403': { description: 'Asked by a page of another site, or for another host', content: problemContent },
  '500': { description: 'A fault of the server', content: problemContent },
  '503': { description: 'The database or the store cannot be reached', content: problemContent },
};

export const docs: ServerPart = async (app, { version, access }) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Reelfleet', version, description: DESCRIPTION, license: { name: 'MIT' } },
      tags,
      components: {
        securitySchemes: {
          basic: { type: 'http', scheme: 'basic' },
          session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE },
        },
      },
      ...(access.password === undefined ? {} : { security: [{ basic: [] }, { session: [] }] }),
    },
    transform: (route) =>
      isDocumented(route.url) && route.schema
        ? eachBody(route)
        : { schema: { ...route.schema, hide: true } as never, url: route.url },
    transformObject: (made) => finished(jsonSchemaTransformObject(made) as Document) as never,
  });
  await app.register(async (scope) => {
    // What the page draws with: styles set by its scripts, and pictures inside of its style sheet.
    contentSecurity(scope, { 'style-src': ["'unsafe-inline'"] });
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      theme: { title: 'Reelfleet API' },
      logo: {
        type: 'image/svg+xml',
        content: await readFile(new URL('favicon.svg', webRoot)),
        href: '/',
        target: '_self',
      },
      // A validator would be a service elsewhere.
      uiConfig: { validatorUrl: null, deepLinking: true, displayRequestDuration: true, tryItOutEnabled: true },
    });
  });
};

/** A route that takes several kinds of body says of each what it is, which the transform of one does not know. */
function eachBody(route: Parameters<typeof jsonSchemaTransform>[0]): ReturnType<typeof jsonSchemaTransform> {
  const { body, ...rest } = route.schema as { body?: { content?: Record<string, { schema: unknown }> } };
  if (body?.content === undefined) return jsonSchemaTransform(route);
  const made = jsonSchemaTransform({ ...route, schema: rest as never });
  const content = Object.entries(body.content).map(([type, { schema }]) => {
    const one = jsonSchemaTransform({ ...route, schema: { body: schema } as never });
    return [type, { schema: (one.schema as { body: unknown }).body }] as const;
  });
  return { ...made, schema: { ...(made.schema as object), body: { content: Object.fromEntries(content) } } as never };
}

/** What programs call; pages and Bull Board's own requests are for themselves. */
const isDocumented = (url: string): boolean => /^\/(api|files|healthz|readyz|metrics)(\/|$)/.test(url);

/** With what any route may answer, the rest of a path by a name, and without what nothing refers to. Pure. */
function finished(document: Document): Document {
  const paths = Object.fromEntries(
    Object.entries(document.paths ?? {}).map(([path, item]) => [
      path.replace('{*}', '{key}'),
      everyOperation(item ?? {}),
    ]),
  );
  const schemas = document.components?.schemas ?? {};
  const used = new Set<string>();
  const open: unknown[] = [paths, shared];
  for (let text = JSON.stringify(open.pop()); text !== undefined; text = JSON.stringify(open.pop())) {
    for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name)) continue;
      used.add(name);
      open.push(schemas[name]);
    }
  }
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)));
  const text = JSON.stringify(paths);
  const tags = document.tags?.filter(({ name }) => text.includes(`"tags":["${name}"]`)) ?? [];
  return { ...document, tags, paths, components: { ...document.components, schemas: kept } };
}

function everyOperation(item: OpenAPIV3_1.PathItemObject): OpenAPIV3_1.PathItemObject {
  return Object.fromEntries(
    Object.entries(item as Record<string, OpenAPIV3_1.OperationObject>).map(([method, operation]) => [
      method,
      {
        ...operation,
        parameters: operation.parameters?.map((parameter) =>
          'name' in parameter && parameter.name === '*' ? { ...parameter, name: 'key' } : parameter,
        ),
        responses: { ...shared, ...Object.fromEntries(Object.entries(operation.responses ?? {}).map(described)) },
      },
    ]),
  );
}

/** What has no words of its own is called what its status means. */
function described([status, response]: [string, OpenAPIV3_1.ResponseObject | OpenAPIV3_1.ReferenceObject]) {
  const unnamed = 'description' in response && response.description === 'Default Response';
  return [status, unnamed ? { ...response, description: STATUS_CODES[status] ?? status } : response] as const;
}
