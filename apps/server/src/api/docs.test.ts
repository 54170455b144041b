import { chromiumMissing, launchChromium, watchPage, withChromium } from '@reelfleet/testkit';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { OpenAPIV3_1 } from 'openapi-types';
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';
import { album, ask, failTask, makeVideo, type Reply, store } from './testing.ts';

let server: TestServer;
let document: OpenAPIV3_1.Document;
beforeAll(async () => {
  server = await startTestServer();
  document = (await ask(server, 'GET', '/docs/json')).json;
});

type Operation = OpenAPIV3_1.OperationObject & { responses: Record<string, OpenAPIV3_1.ResponseObject> };
const operations = () =>
  Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item ?? {}).map(([method, operation]) => ({ path, method, operation: operation as Operation })),
  );

/** Compiles schemas where they stand in the document, so that their references mean something. */
function compiler() {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  ajv.addSchema(document, 'doc');
  const pointer = (part: string) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));
  return (...parts: string[]): ValidateFunction => ajv.compile({ $ref: `doc#/${parts.map(pointer).join('/')}` });
}

describe('the OpenAPI document', () => {
  test('describes exactly the routes there are', () => {
    const wanted = server.app.declaredRoutes
      .filter(({ url }) => /^\/(api|files)\//.test(url))
      .flatMap(({ url, methods }) =>
        methods
          .filter((method) => method !== 'HEAD')
          .map((method) => `${method} ${url.replace(/:(\w+)/g, '{$1}').replace('*', '{key}')}`),
      );
    expect(wanted.length).toBeGreaterThan(25);
    const described = operations().map(({ path, method }) => `${method.toUpperCase()} ${path}`);
    expect(described.filter((line) => / \/(api|files)\//.test(line)).sort()).toEqual([...new Set(wanted)].sort());
  });

  test('says of each what it is for, what it takes and what it answers', () => {
    expect(document.openapi).toMatch(/^3\.1/);
    expect(Object.keys(document.components?.securitySchemes ?? {})).toEqual(['basic', 'session']);
    const tags = new Set(document.tags?.map(({ name }) => name));
    for (const { path, method, operation } of operations()) {
      const where = `${method} ${path}`;
      expect([where, operation.operationId, operation.summary]).toEqual([
        where,
        expect.any(String),
        expect.any(String),
      ]);
      expect([where, operation.tags?.every((tag) => tags.has(tag))]).toEqual([where, true]);
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const given = (operation.parameters ?? []).flatMap((one) => ('in' in one && one.in === 'path' ? [one.name] : []));
      expect([where, given]).toEqual([where, named]);
      expect([where, Object.keys(operation.responses)]).toEqual([where, expect.arrayContaining(['401', '403', '500'])]);
      for (const [status, { description }] of Object.entries(operation.responses))
        expect([where, status, description]).toEqual([where, status, expect.stringMatching(/^[A-Z].{1,}/)]);
    }
    expect([...tags].sort()).toEqual(
      [...new Set(operations().flatMap(({ operation }) => operation.tags ?? []))].sort(),
    );
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('every schema in it is one, every reference leads somewhere, and nothing lies about unused', () => {
    const compile = compiler();
    for (const name of Object.keys(document.components?.schemas ?? {})) compile('components', 'schemas', name);
    for (const { path, method, operation } of operations()) {
      for (const [status, response] of Object.entries(operation.responses))
        for (const type of Object.keys(response.content ?? {}))
          compile('paths', path, method, 'responses', status, 'content', type, 'schema');
      if (operation.requestBody) compile('paths', path, method, 'requestBody', 'content', 'application/json', 'schema');
    }
    const text = JSON.stringify(document);
    const unused = Object.keys(document.components?.schemas ?? {}).filter(
      (name) => !text.includes(`/schemas/${name}"`),
    );
    expect(unused).toEqual([]);
  });

  test('its examples are orders that are taken', async () => {
    const body = document.paths?.['/api/runs']?.post?.requestBody as OpenAPIV3_1.RequestBodyObject;
    const examples = Object.values(body.content['application/json']?.examples ?? {});
    expect(examples.length).toBeGreaterThan(1);
    const valid = compiler()('paths', '/api/runs', 'post', 'requestBody', 'content', 'application/json', 'schema');
    for (const example of examples) {
      const { value } = example as OpenAPIV3_1.ExampleObject;
      expect([valid(value), valid.errors]).toEqual([true, null]);
      expect((await ask(server, 'POST', '/api/runs', { body: value })).status).toBe(201);
    }
  });

  test('is what the server really answers', async () => {
    const compile = compiler();
    const file = await store(server, 'docs/a.txt', 'text', { contentType: 'text/plain' });
    const source = {
      id: file.id,
      kind: 'raw',
      uri: file.uri,
      sha256: file.sha256,
      sizeBytes: 4,
      contentType: 'text/plain',
    };
    const video = await makeVideo(server, { title: 'A', uri: file.uri, thumbnail: file.uri });
    const probe = { template: 'single', stage: 'probe', input: { source } };
    const made = await ask(server, 'POST', '/api/runs', { body: { ...album, key: 'docs' } });
    const broken = await ask(server, 'POST', '/api/runs', { body: probe });
    const { taskId } = await failTask(server, broken.json.runId);
    const [run, failed] = [made.json.runId, broken.json.runId];
    const asked: [string, string, string, number, unknown?][] = [
      ['GET', '/api/runs', '/api/runs', 200],
      ['GET', '/api/runs', '/api/runs?limit=0', 400],
      ['GET', '/api/runs', '/api/runs?channel=Nowhere', 404],
      ['POST', '/api/runs', '/api/runs', 201, album],
      ['POST', '/api/runs', '/api/runs', 200, { ...album, key: 'docs' }],
      ['POST', '/api/runs', '/api/runs', 422, { ...album, moods: [] }],
      ['POST', '/api/runs/batch', '/api/runs/batch', 201, { runs: [album, probe] }],
      ['GET', '/api/runs/{run}', `/api/runs/${failed}`, 200],
      ['GET', '/api/runs/{run}', '/api/runs/none', 404],
      ['POST', '/api/runs/{run}/cancel', `/api/runs/${run}/cancel`, 200],
      ['POST', '/api/runs/{run}/retry', `/api/runs/${run}/retry`, 200],
      ['GET', '/api/tasks', '/api/tasks?status=failed', 200],
      ['GET', '/api/tasks/{task}', `/api/tasks/${taskId}`, 200],
      ['GET', '/api/tasks/{task}/logs', `/api/tasks/${taskId}/logs`, 200],
      ['GET', '/api/tasks/{task}/why', `/api/tasks/${taskId}/why`, 200],
      ['POST', '/api/tasks/{task}/retry', `/api/tasks/${taskId}/retry`, 200],
      ['POST', '/api/tasks/{task}/cancel', `/api/tasks/${taskId}/cancel`, 200],
      ['GET', '/api/workers', '/api/workers', 200],
      ['POST', '/api/workers/{name}/drain', '/api/workers/nobody/drain', 404],
      ['GET', '/api/stages', '/api/stages', 200],
      ['POST', '/api/stages/{stage}/pause', '/api/stages/probe/pause', 200, { reason: 'docs' }],
      ['POST', '/api/stages/{stage}/resume', '/api/stages/probe/resume', 200],
      ['GET', '/api/artifacts/{artifact}', `/api/artifacts/${file.id}`, 200],
      ['GET', '/api/artifacts/{artifact}/link', `/api/artifacts/${file.id}/link`, 200],
      ['GET', '/api/artifacts/{artifact}/content', '/api/artifacts/none/content', 404],
      ['GET', '/api/videos', '/api/videos', 200],
      ['GET', '/api/videos/{video}', `/api/videos/${video.id}`, 200],
      ['PATCH', '/api/videos/{video}', `/api/videos/${video.id}`, 200, { stateVersion: 1, addTags: ['docs'] }],
      ['DELETE', '/api/videos/{video}', `/api/videos/${video.id}`, 202],
      ['POST', '/api/videos/{video}/restore', `/api/videos/${video.id}/restore`, 202],
      ['POST', '/api/videos/{video}/purge', `/api/videos/${video.id}/purge`, 409],
      ['POST', '/api/categories', '/api/categories', 201, { name: 'Docs' }],
      ['GET', '/api/categories', '/api/categories', 200],
      ['PATCH', '/api/categories/{category}', '/api/categories/docs', 200, { description: 'What the docs show' }],
      ['DELETE', '/api/categories/{category}', '/api/categories/docs', 200],
      ['GET', '/api/tags', '/api/tags', 200],
      ['DELETE', '/api/tags/{tag}', '/api/tags/docs', 200],
      ['GET', '/files/{key}', '/files/none', 404],
    ];
    for (const [method, path, url, status, body] of asked) {
      const reply: Reply = await ask(server, method, url, { body });
      const where = `${method} ${url}`;
      expect([where, reply.status]).toEqual([where, status]);
      const type = (reply.headers['content-type'] ?? '').replace(/;.*/, '');
      const valid = compile(
        'paths',
        path,
        method.toLowerCase(),
        'responses',
        String(status),
        'content',
        type,
        'schema',
      );
      expect([where, valid(reply.json), valid.errors]).toEqual([where, true, null]);
    }
  });
});

describe.skipIf(chromiumMissing() !== null)(withChromium('in a browser'), () => {
  test('/docs lists the operations and tries one, with nothing from elsewhere and nothing on the console', async () => {
    const browser = await launchChromium();
    const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
    const troubles = watchPage(page, server.origin);
    await page.goto(`${server.origin}/docs`);
    await page.waitForSelector('#operations-runs-enqueueRun');
    expect(await page.locator('.opblock').count()).toBe(operations().length);
    expect(await page.title()).toBe('Reelfleet API');
    await page.click('#operations-stages-listStages .opblock-summary-control');
    await page.click('#operations-stages-listStages button.execute');
    await page.waitForSelector('#operations-stages-listStages .responses-table.live-responses-table');
    expect(await page.textContent('#operations-stages-listStages .live-responses-table')).toContain('"stage": "plan"');
    if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/docs.png` });
    expect(troubles).toEqual({ errors: [], strangers: [] });
  });
});
