"""HTTP of a room's films: asking, answering, ending; looking at what is kept."""

from __future__ import annotations

from server.base.http import Call, Piece, Route
from server.consult.films.model import AnswerFilm, AskFilm, FilmStage, FilmView, RoomFilm, RoomFilms, ViewQuery
from server.consult.films.service import Films
from server.consult.films.views import FilmViews


def routes(films: Films, views: FilmViews) -> tuple[Route, ...]:
    async def ask(call: Call) -> RoomFilms:
        await films.ask(call.ctx, call.path["id"], call.body.keep)
        return await views.of_consult(call.ctx, call.path["id"])

    async def of_consult(call: Call) -> RoomFilms:
        return await views.of_consult(call.ctx, call.path["id"])

    async def answer(call: Call) -> RoomFilm:
        await films.answer(call.ctx, call.path["id"], agrees=call.body.agrees)
        return await views.one(call.ctx, call.path["id"])

    async def stop(call: Call) -> RoomFilm:
        await films.stop(call.ctx, call.path["id"])
        return await views.one(call.ctx, call.path["id"])

    async def view(call: Call) -> FilmView:
        return await views.view(call.ctx, call.path["id"])

    async def part(call: Call) -> Piece:
        return await views.part(call.ctx, call.path["id"], call.path["part"], call.query.view, call.span)

    async def stage(call: Call) -> FilmStage:
        return await views.stage(call.ctx, call.path["id"], call.query.view)

    film, rule = "/api/films/{id}", "consult.read"
    return (
        Route("POST", "/api/consults/{id}/films", "consult.answer", ask, body=AskFilm, result=RoomFilms),
        Route("GET", "/api/consults/{id}/films", rule, of_consult, result=RoomFilms),
        Route("POST", f"{film}/answer", rule, answer, body=AnswerFilm, result=RoomFilm),
        Route("POST", f"{film}/stop", "consult.answer", stop, result=RoomFilm),
        Route("POST", f"{film}/view", rule, view, result=FilmView, kept=False),
        Route("GET", f"{film}/parts/{{part}}", rule, part, query=ViewQuery),
        Route("GET", f"{film}/stage", rule, stage, query=ViewQuery, result=FilmStage),
    )
