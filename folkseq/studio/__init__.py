"""The studio: a local web page to write, play, edit and export tunes.

    cli.py         the command `folkseq studio`
    server.py      the address, the token, the browser, and uvicorn
    app.py         the application: the page, its assets and the operations
    guard.py       the checks that every request passes
    operations.py  an operation: a function from a validated request to a response, or to a stream of responses
    openapi.py     the operations as an OpenAPI document
    jobs.py        generation in turns, so that no page waits for another
    workshop.py    the shared resources of the operations: models, folder, soundfont
    open_text.py   the text of an edited tune, with its unchanged and new parts
    notes.py       the notes of a text as a model reads them
    performing.py  a MIDI file in the form that the page shows and plays
    passages.py    regeneration of a passage of a performance
    continuing.py  the context that a model reads before such a passage
    takeaway.py    export of a tune or a performance as files with records
    errors.py      errors with an HTTP status
    api/           the operations
    page/          HTML, style and scripts, without a build step
    vendor/        released files of other projects, with their licences and digests

This package is optional: folkseq finds its verb as an entry point. The page uses only these operations.
"""
