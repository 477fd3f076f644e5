"""The URLs of the example: the webhook's, as it always was, and a page with the pictures."""

from django.urls import path

from webhook import views

urlpatterns = [
    # With the slash at its end, also in the receiver's URL: a redirect is a failure.
    path("webhook/receive/", views.receive),
    path("", views.show_pictures),
]
