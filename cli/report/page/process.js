// The tree of processes, and a page of each within the page.

// ---------------------------------------------------------------------------------------------- the tree

// A cell: a time, or why there is none.
function moment(text, known, outside, host) {
    const words = known === 'outside' ? outside : 'not recorded';
    return known === 'recorded' ? {text, show: () => time(text, host)} : {text: words, show: () => words};
}

function some(list, all) {
    return list.join(', ') + (all > list.length ? ` and ${all - list.length} more` : '');
}

function userText(life) {
    return life.user_name ? `${life.user_name} (${life.user_sid})` : life.user_sid;
}

// As short as it can be told apart; all of it is on the page of the process.
function shortUser(life) {
    return life.user_name ? life.user_name.replace(/^NT AUTHORITY\\/, '')
        : (life.user_sid || '').replace(/^(S-1-5-21-).*(-\d+)$/, '$1…$2');
}

function processCells(life) {
    const branch = life.depth ? (life.parent_sure ? '└ ' : '└? ') : '', name = life.name || '?';
    return [
        {text: name, show: () => make('span', {className: 'branch'}, branch, link('process-' + life.life, marked(name)))},
        life.process_id,
        moment(life.start, life.start_known, 'before', life.host), moment(life.end, life.end_known, 'after', life.host),
        {text: userText(life) || '', shown: shortUser(life), show: () => marked(shortUser(life))}, life.command_line || life.image_path, life.events, life.files,
        some(life.peers, life.peers_all), some(life.names, life.names_all),
    ];
}

function processTable(id, title, rows, all) {
    const table = new Table({id, title, all, rows: rows.map(processCells), lives: rows.map(life => life.life),
        columns: [{name: 'process', kind: 'tree'}, 'id', {name: 'start', kind: 'time'}, {name: 'end', kind: 'time'},
            {name: 'user', kind: 'text'},
            {name: 'command line or image', kind: 'wide'}, 'events', 'files', {name: 'network peers', kind: 'text'},
            {name: 'names looked up', kind: 'text'}]});
    table.timeColumn = -1; // it shows who was there, whichever time is looked at
    table.indent = row => table.column === undefined ? lives.get(row.life).depth : 0;
    table.render();
    return table;
}

function showProcesses() {
    const {rows, all} = data.processes;
    if (!rows.length) {
        show('processes', make('p', null, 'The traces do not record any process.'));
        return;
    }
    const hosts = severalHosts ? data.hosts.map((_, host) => host) : [null];
    const parts = hosts.map(host => ({host, rows: rows.filter(life => host === null || life.host === host)}));
    show('processes',
        make('p', null, 'Children are listed below their parent. Before and after: outside the recording. A ' +
            'question mark: the parent had that id when the recording began, but both are older than it, and ids ' +
            'are given out again.'),
        parts.filter(part => part.rows.length).map(part => processTable(
            part.host === null ? 'process-tree' : 'process-tree-' + part.host,
            part.host === null ? 'All processes' : `Processes of ${hostName(part.host)}`, part.rows,
            part.host === null ? all : part.rows.length).place),
        severalHosts && all > rows.length && more(`${grouped(all - rows.length)} more processes are not in the page.`));
}

// ---------------------------------------------------------------------------------------------- one process

function fact(name, ...value) {
    const given = value.flat(2).filter(part => part !== null && part !== undefined && part !== '' && part !== false);
    return given.length ? make('tr', null, make('th', {scope: 'row'}, name), make('td', null, given)) : null;
}

function parentText(life) {
    const parent = lives.get(life.parent_life);
    if (!parent)
        return life.parent_id === undefined ? null : String(life.parent_id);
    return [processName(parent.life, null), ` (${parent.process_id})`, life.parent_sure ? '' : ', not sure'];
}

function exitText(life) {
    return life.exit_status === undefined || life.end_known !== 'recorded' ? null
        : `${life.exit_status} (0x${life.exit_status.toString(16).toUpperCase()})`;
}

function childrenText(life) {
    return data.processes.rows.filter(one => one.parent_life === life.life && one !== life)
        .map((child, i) => [i ? ', ' : '', processName(child.life, null), ` (${child.process_id})`]);
}

// A guess is called a guess.
function imagePath(life) {
    return life.image_path && [code(life.image_path),
        life.device_path && [' (the letter is a guess; logged as ', code(life.device_path), ')']];
}

function imageText(life) {
    return [life.original_name, life.description, life.company].filter(text => text).join(', ') || null;
}

function processFacts(life) {
    return make('table', {className: 'facts'}, make('tbody', null,
        severalHosts && fact('Host', hostName(life.host)),
        fact('Command line', life.command_line && code(life.command_line)),
        fact('Image', imagePath(life)), fact('Its file says', imageText(life)),
        fact('Parent', parentText(life)), fact('Children', childrenText(life)),
        fact('Start', moment(life.start, life.start_known, 'before the recording', life.host).show()),
        fact('End', moment(life.end, life.end_known, 'after the recording', life.host).show()),
        fact('Exit status', exitText(life)), fact('User', userText(life)),
        fact('Session', life.session_id === undefined ? null : String(life.session_id)),
        fact('Events', grouped(life.events)),
        fact('Names looked up', some(life.names, life.names_all)),
        fact('Network peers', some(life.peers, life.peers_all))));
}

// What charts have of it.
function processCharts(life) {
    return data.charts.map(chart => {
        const own = chart.pairs.filter(one => one.life === life.life).slice(0, 12);
        return own.length ? make('div', null, make('h3', null, link(chart.id, chart.title)),
            bars(chart, 'By ' + chart.label, own, own.length, one => one.label)) : null;
    });
}

// Its rows of a table, as a table of their own.
function processRows(table, life) {
    const own = table.rows.filter(row => row.life === life.life);
    if (!own.length)
        return null;
    const part = new Table({id: 'own-' + table.id, title: `${table.title}: ${own.length} of its rows`,
        columns: table.columns.map(column => column.kind === 'process' ? {...column, kind: 'text'} : column),
        rows: own.map(row => row.cells), lives: own.map(row => row.life)});
    part.explanationLink = append(part.place, [make('p', null, link(table.id, 'all rows of this table'))]);
    return part;
}

let ownTables = [];

function forgetOwn() {
    for (const table of ownTables)
        tables.splice(tables.indexOf(table), 1);
    ownTables = [];
}

function showProcess(id) {
    const life = lives.get(id), place = section('process');
    forgetOwn();
    place.replaceChildren();
    place.hidden = !life;
    if (!life)
        return;
    ownTables = tables.filter(table => table.ofEvents).map(table => processRows(table, life)).filter(table => table);
    const head = make('h2', {tabIndex: -1}, `${life.name || '?'} (${life.process_id})`);
    append(place, [head, make('p', null, link('processes', 'all processes')), processFacts(life), processCharts(life),
        ownTables.map(table => table.place),
        ownTables.length ? null : make('p', null, 'No table of this page has a row of this process.')]);
    ownTables.forEach(table => table.filter());
    place.scrollIntoView();
    head.focus({preventScroll: true});
}
