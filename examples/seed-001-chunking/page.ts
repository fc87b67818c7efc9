/** The document's page (line 344). Text goes in as text: `innerHTML` would run what a model says. */
export const page = `<!doctype html>
<meta charset="utf-8">
<title>Test stream</title>
<div id="stream-test"></div>
<script>
const es = new EventSource('/test-stream');
let count = 0;

es.addEventListener('update', (e) => {
    const data = JSON.parse(e.data);
    const line = document.createElement('div');
    line.textContent = \`Chunk \${count++}: \${data.text}\`;
    document.getElementById('stream-test').append(line);
});
</script>
`;
