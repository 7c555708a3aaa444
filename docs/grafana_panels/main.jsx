// Draws a generated dashboard with Grafana's own panels, those of its Apache-licensed packages. Which one: #name.
// Required, not imported: as modules, the packages import older ones in a way that esbuild does not resolve.
const React = require('react');
const { createRoot } = require('react-dom/client');
const {
  FieldType, createTheme, dateTime, getDisplayProcessor, renderMarkdown, standardTransformers, standardTransformersRegistry,
  toDataFrame, transformDataFrame,
} = require('@grafana/data');
const { initPluginTranslations } = require('@grafana/i18n');
const { BigValue, PanelChrome, ThemeContext, TimeSeries } = require('@grafana/ui');
const { TableNG } = require('@grafana/ui/unstable');
const { firstValueFrom } = require('rxjs');
const document_ = require('./rows.json');

const COLUMN = 50;
const ROW = 38;
const GAP = 8;
// Nanoseconds and milliseconds since 1970 of this century.
const NANOSECONDS = 1e15;
const theme = createTheme({ colors: { mode: 'light' } });
const time = (moment) => dateTime(moment);
const shown = document_.dashboards.find((each) => `#${each.name}` === location.hash) ?? document_.dashboards[0];
const range = {
  from: time(document_.from), to: time(document_.to), raw: { from: time(document_.from), to: time(document_.to) },
};

function toMilliseconds(moment) {
  return moment > NANOSECONDS ? moment / 1e6 : moment;
}

// One frame for each series, as Grafana's data source makes them: a tag is text.
function buildSeries(target, rows) {
  const series = new Map();
  for (const { time: moment, ...rest } of rows) {
    const labels = Object.fromEntries(Object.entries(rest).filter(([, value]) => typeof value === 'string'));
    const key = JSON.stringify(labels);
    if (!series.has(key)) series.set(key, { labels, times: [], values: [] });
    series.get(key).times.push(toMilliseconds(moment));
    series.get(key).values.push(rest.value ?? null);
  }
  return [...series.values()].map(({ labels, times, values }) => {
    const name = target.alias.replace(/\$tag_(\w+)/g, (_, tag) => labels[tag] ?? '');
    return toDataFrame({
      refId: target.refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: times },
        { name: 'Value', type: FieldType.number, labels, values, config: { displayNameFromDS: name } },
      ],
    });
  });
}

function buildTable(target, rows) {
  const columns = [...new Set(rows.flatMap(Object.keys))];
  const fields = columns.map((name) => {
    const values = rows.map((row) => (name === 'time' ? toMilliseconds(row[name]) : row[name] ?? null));
    if (name === 'time') return { name: 'Time', type: FieldType.time, values };
    return { name, type: typeof values[0] === 'string' ? FieldType.string : FieldType.number, values };
  });
  return [toDataFrame({ refId: target.refId, fields })];
}

function configure(panel, frames) {
  const { defaults, overrides } = structuredClone(panel.fieldConfig);
  for (const step of defaults.thresholds.steps) step.value ??= -Infinity;
  frames.forEach((frame, seriesIndex) => frame.fields.forEach((field) => {
    const own = overrides.filter(({ matcher }) => matcher.id === 'byName' && matcher.options === field.name);
    const properties = Object.fromEntries(own.flatMap((each) => each.properties).map(({ id, value }) => [id, value]));
    const isNumber = field.type === FieldType.number;
    field.config = isNumber ? { ...defaults, ...properties, ...field.config, custom: { ...defaults.custom } } : { custom: {} };
    // A link needs a dashboard to lead to.
    delete field.config.links;
    field.state = { seriesIndex };
    field.display = getDisplayProcessor({ field, theme, timeZone: 'utc' });
  }));
  return frames;
}

async function readFrames(panel) {
  const found = shown.rows[panel.id];
  const frames = panel.targets.flatMap((target, number) =>
    (target.resultFormat === 'table' ? buildTable : buildSeries)(target, found[number]));
  const isEmpty = frames.every((frame) => frame.length === 0);
  const changed = panel.transformations && !isEmpty
    ? await firstValueFrom(transformDataFrame(panel.transformations, frames)) : frames;
  return isEmpty ? [] : configure(panel, changed);
}

function DeployLines({ builder }) {
  React.useLayoutEffect(() => {
    builder.addHook('draw', ({ ctx, bbox, valToPos }) => {
      ctx.save();
      ctx.strokeStyle = theme.visualization.getColorByName('blue');
      ctx.setLineDash([6, 4]);
      for (const deploy of shown.deploys) {
        const left = valToPos(deploy, 'x', true);
        ctx.beginPath();
        ctx.moveTo(left, bbox.top);
        ctx.lineTo(left, bbox.top + bbox.height);
        ctx.stroke();
      }
      ctx.restore();
    });
  }, [builder]);
  return null;
}

function Body({ panel, frames, width, height }) {
  if (panel.type === 'text') return <div dangerouslySetInnerHTML={{ __html: renderMarkdown(panel.options.content) }} />;
  if (panel.type === 'heatmap') return <Note>Grafana&apos;s heat map is not in its Apache-licensed packages.</Note>;
  if (!frames.length) return <Note>{panel.fieldConfig.defaults.noValue ?? 'No data'}</Note>;
  if (panel.type === 'table') {
    return <TableNG data={frames[0]} {...{ width, height }} sortBy={panel.options.sortBy} structureRev={1} />;
  }
  if (panel.type === 'stat') {
    const field = frames[0].fields.find((each) => each.type === FieldType.number);
    const { colorMode, graphMode, justifyMode, textMode } = panel.options;
    const value = field.display(field.values.at(-1));
    return <BigValue {...{ theme, width, height, value, colorMode, graphMode, justifyMode, textMode }} />;
  }
  return (
    <TimeSeries frames={frames} timeRange={range} timeZone="utc" width={width} height={height} legend={panel.options.legend}>
      {(builder) => <DeployLines builder={builder} />}
    </TimeSeries>
  );
}

function Note({ children }) {
  return <div style={{ height: '100%', display: 'grid', placeItems: 'center' }}>{children}</div>;
}

function Panel({ panel, frames }) {
  const { x, y, w, h } = panel.gridPos;
  const size = { width: w * COLUMN - GAP, height: h * ROW - GAP };
  const style = { position: 'absolute', left: x * COLUMN, top: y * ROW, ...size };
  if (panel.type === 'row') return <h4 style={style}>{panel.title}</h4>;
  return (
    <div style={style}>
      <PanelChrome title={panel.title} description={panel.description} {...size}>
        {(width, height) => <Body {...{ panel, frames, width, height }} />}
      </PanelChrome>
    </div>
  );
}

function Dashboard({ drawn }) {
  const height = Math.max(...drawn.map(({ panel }) => (panel.gridPos.y + panel.gridPos.h) * ROW));
  const { background, text } = theme.colors;
  const style = {
    position: 'relative', width: 24 * COLUMN, height, background: background.canvas, color: text.primary,
    fontFamily: theme.typography.fontFamily, fontSize: theme.typography.fontSize,
  };
  return <div style={style}>{drawn.map((each) => <Panel key={each.panel.id} {...each} />)}</div>;
}

async function main() {
  await initPluginTranslations('none');
  const { filterFieldsByNameTransformer, mergeTransformer, organizeFieldsTransformer } = standardTransformers;
  standardTransformersRegistry.setInit(() => [filterFieldsByNameTransformer, mergeTransformer, organizeFieldsTransformer].map(
    (found) => ({ id: found.id, transformation: async () => found })));
  const panels = shown.dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  const drawn = await Promise.all(
    panels.map(async (panel) => ({ panel, frames: panel.targets ? await readFrames(panel) : [] })));
  createRoot(document.getElementById('root')).render(
    <ThemeContext.Provider value={theme}><Dashboard drawn={drawn} /></ThemeContext.Provider>);
}

main().catch((error) => {
  console.error(error);
  document.getElementById('root').textContent = error.stack;
});
