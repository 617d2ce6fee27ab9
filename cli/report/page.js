// Shows sections 2 to 6 of the report; what comes before them is in the page as it is. Text from traces reaches the page
// through text nodes only: whatever it holds, it is shown and never read as markup.
'use strict';
(function () {

const data = JSON.parse(document.getElementById('data').textContent);

// ---------------------------------------------------------------------------------------------- elements

// Control characters cannot be seen: each is shown as the replacement character.
function shown(text) {
    return String(text).replace(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, '\ufffd');
}

// An element with texts and elements in it; null and undefined are left out.
function make(name, properties, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties || {}))
        element[key] = value;
    for (const child of children.flat())
        if (child !== null && child !== undefined)
            element.append(child instanceof Node ? child : shown(child));
    return element;
}

function section(id, ...children) {
    document.getElementById(id).append(...children.flat().filter(child => child));
}

function time(text) {
    return make('time', null, text || '');
}

// Cells are texts, numbers, elements or lists of these.
function grid(columns, rows, searched) {
    return make('table', {className: searched ? 'grid rows' : 'grid'},
        make('thead', null, make('tr', null, columns.map(name => make('th', null, name)))),
        make('tbody', null, rows.map(cells => make('tr', null, cells.map(cell => make('td', null, cell))))));
}

function more(...text) {
    return make('p', {className: 'more'}, ...text);
}

function code(text) {
    return make('code', null, text);
}

// ---------------------------------------------------------------------------------------------- 2 timeline

const CHART = {width: 960, height: 200, headroom: 10};
const OTHERS = 9; // the colour of the providers without one of their own

function bar(className, x, y, width, height) {
    const rect = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    for (const [name, value] of Object.entries({class: className, x, y, width, height}))
        rect.setAttribute(name, value);
    return rect;
}

function colour(series, index) {
    return 'c' + (series.provider ? index : OTHERS);
}

// The bars of one step of time, from below, or a line where there is no event.
function barsAt(step, width, highest) {
    const bars = [];
    let top = CHART.height;
    data.timeline.series.forEach((series, index) => {
        if (!series.counts[step])
            return;
        const height = Math.max(0.6, series.counts[step] / highest * (CHART.height - CHART.headroom));
        top -= height;
        bars.push(bar(colour(series, index), step * width, top.toFixed(1), width, height.toFixed(1)));
    });
    if (!bars.length && data.timeline.seconds > 0)
        bars.push(bar('gap', step * width, CHART.height - 2, width, 2));
    return bars;
}

function chart(steps, highest) {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    const width = CHART.width / steps;
    const attributes = {id: 'chart', viewBox: `0 0 ${CHART.width} ${CHART.height}`, preserveAspectRatio: 'none',
        role: 'img', 'aria-label': 'events over time'};
    for (const [name, value] of Object.entries(attributes))
        svg.setAttribute(name, value);
    for (let step = 0; step < steps; step++)
        svg.append(...barsAt(step, width, highest));
    svg.append(...data.timeline.lost.map(step => bar('lost', step * width, 0, width, 6)));
    return svg;
}

function legend() {
    return make('ul', {className: 'legend'}, data.timeline.series.map((series, index) =>
        make('li', null, make('i', {className: colour(series, index)}),
            series.provider ? `${series.provider} ${series.events}` : `${data.timeline.other_providers} others`)));
}

function showTimeline() {
    const {series, from, to, seconds} = data.timeline;
    const steps = series.length ? series[0].counts.length : 0;
    const sums = Array.from({length: steps}, (_, step) => series.reduce((sum, one) => sum + one.counts[step], 0));
    const highest = Math.max(0, ...sums);
    const scale = steps ? (seconds / steps).toFixed(3) : '0.000';
    section('timeline', steps ? chart(steps, highest) : null,
        make('p', {className: 'axis'}, make('span', null, time(from)),
            make('span', null, `highest bar: ${highest} events in ${scale} s`), make('span', null, time(to))),
        legend());
}

// Wheel zooms, dragging moves, a double click shows all.
function moveChart(svg) {
    const {width: all, height} = svg.viewBox.baseVal;
    let x = 0, width = all, drag = null;
    function show() {
        x = Math.max(0, Math.min(all - width, x));
        svg.setAttribute('viewBox', `${x} 0 ${width} ${height}`);
    }
    svg.addEventListener('wheel', event => {
        event.preventDefault();
        const at = x + event.offsetX / svg.clientWidth * width;
        const wanted = Math.max(all / 200, Math.min(all, width * (event.deltaY < 0 ? 0.8 : 1.25)));
        x = at - (at - x) * wanted / width;
        width = wanted;
        show();
    }, {passive: false});
    svg.addEventListener('pointerdown', event => {
        drag = event.clientX;
        svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener('pointermove', event => {
        if (drag === null)
            return;
        x -= (event.clientX - drag) / svg.clientWidth * width;
        drag = event.clientX;
        show();
    });
    svg.addEventListener('pointerup', () => { drag = null; });
    svg.addEventListener('dblclick', () => {
        x = 0;
        width = all;
        show();
    });
}

// ---------------------------------------------------------------------------------------------- 3 processes

function moment(text, known, outside) {
    return known === 'recorded' ? time(text) : known === 'outside' ? outside : 'not recorded';
}

function some(list, all) {
    return list.join(', ') + (all > list.length ? ` and ${all - list.length} more` : '');
}

function processCells(life) {
    const branch = life.depth ? (life.parent_sure ? '└ ' : '└? ') : '';
    return [
        branch + (life.name || '?'),
        life.process_id,
        moment(life.start, life.start_known, 'before the recording'),
        moment(life.end, life.end_known, 'after the recording'),
        life.user_sid,
        life.command_line || life.image_path,
        life.events,
        life.files,
        some(life.peers, life.peers_all),
        some(life.names, life.names_all),
    ];
}

function showProcesses() {
    const {rows, all} = data.processes;
    if (!rows.length) {
        section('processes', make('p', null, 'The traces do not record any process.'));
        return;
    }
    const table = grid(['process', 'id', 'start', 'end', 'user', 'command line or image', 'events', 'files',
        'network peers', 'names looked up'], rows.map(processCells));
    rows.forEach((life, index) => {
        table.tBodies[0].rows[index].cells[0].style.paddingLeft = Math.min(life.depth * 2, 60) + '.4em';
    });
    section('processes',
        make('p', null, 'Children are listed below their parent. A question mark: the parent had that id when the ' +
            'recording began, but both are older than it, and ids are given out again.'),
        table,
        all > rows.length ? make('p', null, `${all - rows.length} more processes are not shown.`) : null);
}

// ---------------------------------------------------------------------------------------------- 4 activity

// The traces as a command line names them.
function traces() {
    return data.inputs.filter(input => input.events).map(input => ` '${input.file}'`).join('');
}

function showConnections() {
    const {rows, all} = data.connections;
    if (!rows.length)
        return;
    section('activity',
        make('h3', {id: 'network'}, `Network connections (${all})`),
        make('p', null, 'Traffic between two ends for one process, put together from its single events.'),
        grid(['first', 'last', 'process', 'id', 'protocol', 'local port', 'remote', 'bytes sent', 'bytes received'],
            rows.map(c => [time(c.first), time(c.last), c.process, c.process_id, c.protocol, c.local_port, c.remote,
                c.bytes_sent, c.bytes_received]), true),
        all > rows.length ? more(`${all - rows.length} more are not shown.`) : null);
}

function showTable(table) {
    const shownRows = table.rows.length, TIME = 1;
    const cells = row => row.map((cell, column) => column === TIME ? time(cell) : cell);
    section('activity',
        make('h3', {id: table.id}, `${table.title} (${table.all})`),
        make('p', null, table.explanation),
        grid(table.columns, table.rows.map(cells), true),
        table.all > shownRows ? more(`The first ${shownRows} are shown, ${table.all - shownRows} more are not. ` +
            'All of them: ', code(`etwkit convert${traces()} -o all.db`), ', then the query of section 6.') : null);
}

// ---------------------------------------------------------------------------------------------- 5 providers

function classCells(provider, one) {
    const schema = one.schema === 'none'
        ? `raw: needs a schema of ${provider.id} (its manifest, DLL, TMF or MOF): etwkit schemas add FILE`
        : one.schema;
    return [provider.name || provider.id, one.event_id, one.version, one.opcode, one.name, one.events, schema];
}

function showProviders() {
    const read = data.inputs.filter(input => input.events);
    const left = read.reduce((sum, input) => sum + (input.providers_not_listed || 0), 0);
    const providers = read.flatMap(input => input.providers);
    section('providers',
        grid(['provider', 'event', 'version', 'opcode', 'name', 'events', 'decoded by'],
            providers.flatMap(provider => provider.classes.map(one => classCells(provider, one))), true),
        left ? more(`${left} more providers: etwkit info --json lists them.`) : null);
}

// ---------------------------------------------------------------------------------------------- 6 repeat

function showRepeat() {
    section('repeat',
        make('p', null, 'The same evidence, program and schemas give this page byte for byte:'),
        make('pre', null, `etwkit report${traces()} -o report.html`),
        make('p', null, 'Every table again, whole, from an SQLite database:'),
        make('pre', null, `etwkit convert${traces()} -o all.db`),
        data.tables.flatMap(table => [make('h3', null, table.title), make('pre', {className: 'sql'}, table.query)]));
}

// ---------------------------------------------------------------------------------------------- tables that sort

// Numbers sort as numbers, the rest as text; equal rows keep their order.
function sortKey(row, column) {
    const text = row.cells[column].textContent;
    return /^-?\d+$/.test(text) ? Number(text) : text;
}

function sortTable(table, head, column) {
    const direction = head.dataset.dir === '1' ? -1 : 1, body = table.tBodies[0];
    for (const other of table.querySelectorAll('th'))
        delete other.dataset.dir;
    head.dataset.dir = String(direction);
    const rows = Array.from(body.rows, row => ({row, key: sortKey(row, column)}));
    rows.sort((a, b) => {
        const mixed = typeof a.key !== typeof b.key;
        const x = mixed ? String(a.key) : a.key, y = mixed ? String(b.key) : b.key;
        return x < y ? -direction : x > y ? direction : 0;
    });
    body.append(...rows.map(one => one.row));
}

function addSearch(table) {
    const box = make('input', {type: 'search', className: 'search', placeholder: 'search this table'});
    const hits = make('span', {className: 'hits'});
    table.before(box, hits);
    box.addEventListener('input', () => {
        const wanted = box.value.toLowerCase();
        let found = 0;
        for (const row of table.tBodies[0].rows) {
            row.hidden = !row.textContent.toLowerCase().includes(wanted);
            found += !row.hidden;
        }
        hits.textContent = wanted ? found + ' rows' : '';
    });
}

function addTools(table) {
    Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
        head.addEventListener('click', () => sortTable(table, head, column));
    });
    addSearch(table);
}

// ---------------------------------------------------------------------------------------------- the page

function toggleTheme() {
    const root = document.documentElement;
    const system = !root.classList.contains('light') && matchMedia('(prefers-color-scheme: dark)').matches;
    const dark = root.classList.contains('dark') || system;
    root.classList.toggle('dark', !dark);
    root.classList.toggle('light', dark);
}

document.getElementById('theme').addEventListener('click', toggleTheme);
showTimeline();
showProcesses();
showConnections();
data.tables.forEach(showTable);
showProviders();
showRepeat();
document.querySelectorAll('table.rows').forEach(addTools);
document.querySelectorAll('#chart').forEach(moveChart);

})();
